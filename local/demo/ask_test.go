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

// TestWhatIsNotTheAPIIsToldSo: a firewall before it, a stage's path after it, a web page; at
// once, with what to do, and without a page of HTML. What the API says of itself stays its word.
func TestWhatIsNotTheAPIIsToldSo(t *testing.T) {
	page := "<html>" + strings.Repeat("<p>Request blocked</p>", 1000)
	for name, c := range map[string]struct {
		code      int
		body      string
		elsewhere bool
	}{
		"API Gateway, a domain without an API": {403, `{"message":"Forbidden"}`, true},
		"API Gateway, a stage's path":          {404, `{"message":"Not Found"}`, true},
		"a firewall":                           {403, page, true},
		"a firewall that says nothing":         {403, "", true},
		"a web page":                           {200, page, true},
		"a web page that takes no POST":        {405, "", true},
		"a CDN whose origin is gone":           {502, page, true},
		"the API, of a job":                    {404, `{"detail":"Job not found"}`, false},
		"the API, of a sandbox":                {403, `{"detail":{"message":"no","error_type":"x"}}`, false},
		"API Gateway, a function that fails":   {500, `{"message":"Internal Server Error"}`, false},
	} {
		calls := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.WriteHeader(c.code)
			fmt.Fprint(w, c.body)
		}))
		d := demo{user: client.Client{URL: server.URL, Token: "hunter2"}, every: time.Millisecond}
		_, err := d.status(t.Context(), "one")
		server.Close()
		if err == nil || errors.Is(err, ErrElsewhere) != c.elsewhere || calls != 1 {
			t.Errorf("%s: after %d calls: %v", name, calls, err)
			continue
		}
		if text := err.Error(); !strings.Contains(text, fmt.Sprint(c.code)) || len(text) > 700 || strings.Contains(text, "hunter2") {
			t.Errorf("%s is told as %s", name, text)
		}
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
