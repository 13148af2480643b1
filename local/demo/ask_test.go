package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/shared/job"
)

// TestABusySystemIsGivenTime: as long as it asks for, and one job comes of it.
func TestABusySystemIsGivenTime(t *testing.T) {
	var keys []string
	var times []time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys, times = append(keys, r.Header.Get("Idempotency-Key")), append(times, time.Now())
		w.Header().Set("Retry-After", "1")
		if len(keys) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"job_id": "one"}`)
	}))
	defer server.Close()
	d := demo{user: client.Client{URL: server.URL}, every: time.Millisecond}
	id, err := d.start(t.Context(), job.Request{})
	if err != nil || id != "one" || len(d.made) != 1 {
		t.Fatalf("%q, %v, made %v", id, err, d.made)
	}
	if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
		t.Errorf("the keys are %q, want one, twice", keys)
	}
	if waited := times[1].Sub(times[0]); waited < time.Second {
		t.Errorf("it asked again after %s", waited)
	}
}

// TestNoJobIsMadeThatNobodyKnows: Ctrl-C while the job is accepted.
func TestNoJobIsMadeThatNobodyKnows(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"job_id": "one"}`)
	}))
	defer server.Close()
	d := demo{user: client.Client{URL: server.URL}, every: time.Millisecond}
	if _, _ = d.start(ctx, job.Request{}); len(d.made) != 1 {
		t.Error("the job is forgotten")
	}
}

// TestAnAnswerThatIsLostLosesNoJob: it is asked for once more, by the same key.
func TestAnAnswerThatIsLostLosesNoJob(t *testing.T) {
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if keys = append(keys, r.Header.Get("Idempotency-Key")); len(keys) == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"job_id": "one"}`)
	}))
	defer server.Close()
	d := demo{user: client.Client{URL: server.URL}, every: time.Millisecond}
	if id, err := d.start(t.Context(), job.Request{}); err != nil || id != "one" || len(d.made) != 1 {
		t.Fatalf("%q, %v, made %v", id, err, d.made)
	}
	if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
		t.Errorf("the keys are %q, want one, twice", keys)
	}
}

// TestEachWaitEnds, and says for what it was.
func TestEachWaitEnds(t *testing.T) {
	d := demo{every: time.Millisecond}
	never := func(context.Context) (bool, time.Duration, error) { return false, time.Hour, nil }
	if err := d.until(t.Context(), 10*time.Millisecond, "a miracle", never); err == nil || !strings.Contains(err.Error(), "waited 10ms for a miracle") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.until(ctx, time.Hour, "a miracle", never); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
