package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/shared/job"
)

// api answers every call with the same, and keeps the call.
func api(t *testing.T, code int, retryAfter, body string) (client.Client, *http.Request, *string) {
	t.Helper()
	asked, sent := &http.Request{}, new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		*asked, *sent = *r, string(text)
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return client.Client{URL: server.URL, Token: "token"}, asked, sent
}

func TestStartSaysWhoAndWhat(t *testing.T) {
	c, asked, sent := api(t, http.StatusCreated, "", `{"job_id":"1","status":"queued"}`)
	a, err := client.Wanted(http.StatusCreated)(c.Start(t.Context(), job.Request{Goal: "a page"}, "once"))
	if err != nil || a.Told.JobID != "1" || a.Told.Status != job.Queued {
		t.Errorf("got %+v, %v", a, err)
	}
	if asked.URL.Path != "/api/generation/start" || asked.Header.Get("Authorization") != "Bearer token" ||
		asked.Header.Get("Idempotency-Key") != "once" || !strings.Contains(*sent, `"goal":"a page"`) {
		t.Errorf("asked %s %v %s", asked.URL, asked.Header, *sent)
	}
}

// TestAnErrorIsAnAnswer: a refusal arrives with all that it says; its detail is a
// text or an object.
func TestAnErrorIsAnAnswer(t *testing.T) {
	for body, want := range map[string]client.Detail{
		`{"detail":"busy","debug_id":"d"}`:                                    {Message: "busy"},
		`{"detail":{"message":"gone","error_type":"expired"},"debug_id":"d"}`: {Message: "gone", Type: "expired"},
	} {
		c, _, _ := api(t, http.StatusServiceUnavailable, "5", body)
		a, err := c.Do(t.Context(), "1", client.Resume)
		if err != nil || a.Code != http.StatusServiceUnavailable || a.RetryAfter != 5*time.Second ||
			a.Told.Detail != want || client.Text(a.Told.DebugID) != "d" {
			t.Errorf("got %+v, %v", a, err)
		}
		if _, err := client.Wanted(http.StatusOK, http.StatusAccepted)(a, nil); err == nil || !strings.Contains(err.Error(), "/1/resume: 503") {
			t.Errorf("unwanted, and the error is %v", err)
		}
	}
}

// TestCheckSeesEveryAnswer: what it does not like fails the call.
func TestCheckSeesEveryAnswer(t *testing.T) {
	c, _, _ := api(t, http.StatusNotFound, "", `{}`)
	wrong := errors.New("wrong")
	c.Check = func(a client.Answer) error {
		if a.Method == http.MethodGet && a.Path == "/api/generation/1/status" && a.Code == http.StatusNotFound {
			return wrong
		}
		return nil
	}
	if _, err := c.Status(t.Context(), "1"); !errors.Is(err, wrong) {
		t.Errorf("got %v", err)
	}
}

// TestWithoutAnAnswer: a server that is gone, or that does not speak JSON.
func TestWithoutAnAnswer(t *testing.T) {
	c, _, _ := api(t, http.StatusBadGateway, "", `<html>`)
	if a, err := c.Status(t.Context(), "1"); !errors.Is(err, client.ErrNoJSON) || a.Code != http.StatusBadGateway {
		t.Errorf("HTML is %+v, %v", a, err)
	}
	if _, err := (client.Client{URL: "http://127.0.0.1:1"}).Status(t.Context(), "1"); err == nil || errors.Is(err, client.ErrNoJSON) {
		t.Errorf("no server is %v", err)
	}
}
