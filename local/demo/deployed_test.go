package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
)

// TestTheEndTakesEachJobAway: the newest first, since it has the sandbox, which is billed; one
// that is on its way, or gone already, is as good, and one that stays keeps the others from
// nothing and is named.
func TestTheEndTakesEachJobAway(t *testing.T) {
	codes := map[string]int{"first": http.StatusNoContent, "second": http.StatusInternalServerError, "third": http.StatusNotFound, "fourth": http.StatusAccepted}
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(r.URL.Path, "/api/generation/")
		asked = append(asked, r.Method+" "+id)
		w.WriteHeader(codes[id])
		if codes[id] != http.StatusNoContent {
			fmt.Fprint(w, `{"detail": "as it is"}`)
		}
	}))
	defer server.Close()
	d := demo{user: client.Client{URL: server.URL}, every: time.Millisecond, made: []string{"first", "second", "third", "fourth"}}
	err := d.remove(context.Background())
	if want := []string{"DELETE fourth", "DELETE third", "DELETE second", "DELETE first"}; !slices.Equal(asked, want) {
		t.Errorf("it asks %v, want %v", asked, want)
	}
	if err == nil || !strings.Contains(err.Error(), "the job second is left") || strings.Count(err.Error(), "is left") != 1 {
		t.Errorf("it says %v", err)
	}
}

// TestWhatIsLeftIsToldAfterCtrlC: nobody has to be told of their own Ctrl-C, but of a sandbox
// that goes on they have.
func TestWhatIsLeftIsToldAfterCtrlC(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"detail": "Internal server error"}`)
			return
		}
		cancel()
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"job_id": "one"}`)
	}))
	defer server.Close()
	err := ShowDeployed(ctx, server.URL, "token", App{})
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the job one is left") {
		t.Errorf("it ends with %v", err)
	}
}
