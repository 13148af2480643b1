package e2bsim_test

import (
	"context"
	"net/http"
	"testing"

	"siesta/local/e2bsim"
)

func (w *world) createKeyed(ctx context.Context, key, body string) result {
	return send(ctx, "POST", w.api+"/v2/sandboxes", body, http.Header{"X-Api-Key": {testKey}, "Idempotency-Key": {key}})
}

func TestAKeyCreatesOnce(t *testing.T) {
	w := newWorld(t)
	ask := func(key, body string, status int, code string) result {
		t.Helper()
		res := w.createKeyed(w.context(), key, body)
		if res.status != status || res.text("error_code") != code {
			t.Errorf("key %q, body %s: answered %d %s, want %d %s", key, body, res.status, res.raw, status, code)
		}
		return res
	}
	one := ask("a1", durable, 201, "")
	if again := ask("a1", durable, 201, ""); again.raw != one.raw {
		t.Errorf("the second answer is %s, want the first one's: %s", again.raw, one.raw)
	}
	ask("a1", `{"templateID":"base"}`, 409, "idempotency_request_mismatch")
	if other := ask("a2", durable, 201, ""); other.raw == one.raw {
		t.Error("another key made no sandbox of its own")
	}
	ask("A-1", durable, 400, "")

	w.fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.AnswerLost})
	if res := w.createKeyed(w.context(), "a3", durable); res.err == nil {
		t.Errorf("answered %d, want no answer", res.status)
	}
	ask("a3", durable, 201, "")
	if got := len(w.list("")); got != 3 {
		t.Errorf("%d sandboxes, want one for each key", got)
	}

	w.SetPlan(e2bsim.Plan{MaxConcurrent: 3})
	ask("a4", durable, 429, "")
	w.SetPlan(e2bsim.Plan{})
	ask("a4", durable, 429, "") // an error is an answer, too
}

// TestAKeyInUse: while the first call is under way, and after it was given up.
func TestAKeyInUse(t *testing.T) {
	w := newWorld(t)
	starting, release := make(chan struct{}), make(chan struct{})
	w.backend.onStart(func() error { close(starting); <-release; return nil })
	answered := make(chan struct{})
	w.Observe(func(c e2bsim.Call) {
		if c.Kind == e2bsim.Create && c.Phase == e2bsim.Answered && c.Status == 500 {
			close(answered)
		}
	})
	ctx, hangUp := context.WithCancel(w.context())
	go w.createKeyed(ctx, "a1", durable)
	<-starting
	if res := w.createKeyed(w.context(), "a1", durable); res.status != 409 || res.text("error_code") != "idempotency_in_progress" {
		t.Errorf("meanwhile: answered %d %s", res.status, res.raw)
	}
	hangUp()
	<-answered
	close(release)
	if res := w.createKeyed(w.context(), "a1", durable); res.status != 422 || res.text("error_code") != "idempotency_outcome_unknown" {
		t.Errorf("afterwards: answered %d %s", res.status, res.raw)
	}
}
