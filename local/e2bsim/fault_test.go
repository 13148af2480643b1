package e2bsim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
)

// TestFaultsOfACall shows for each action what the caller sees and what became
// of the sandbox.
func TestFaultsOfACall(t *testing.T) {
	const lost = 0 // no complete answer
	for _, c := range []struct {
		call, path string
		kind       e2bsim.Kind
		action     e2bsim.Action
		paused     bool // before the call
		status     int
		state      string // after it
	}{
		{"POST", "/pause", e2bsim.Pause, e2bsim.GatewayTimeout, false, 504, "running"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.TimeoutAfter, false, 504, "paused"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.ErrorAnswer, false, 500, "running"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.LimitReached, false, 429, "running"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.RateLimited, false, 429, "running"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.Destroy, false, 500, "404"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.AnswerLost, false, lost, "paused"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.EffectLost, false, 204, "running"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.CutHalfway, false, lost, "paused"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.Vanish, false, 404, "404"},
		{"POST", "/pause", e2bsim.Pause, e2bsim.Delay, false, 204, "paused"},
		{"POST", "/connect", e2bsim.Connect, e2bsim.GatewayTimeout, true, 504, "paused"},
		{"POST", "/connect", e2bsim.Connect, e2bsim.TimeoutAfter, true, 504, "running"},
		{"POST", "/connect", e2bsim.Connect, e2bsim.AnswerLost, true, lost, "running"},
		{"POST", "/connect", e2bsim.Connect, e2bsim.EffectLost, true, 201, "paused"},
		{"POST", "/connect", e2bsim.Connect, e2bsim.CutHalfway, true, lost, "running"},
		{"POST", "/connect", e2bsim.Connect, e2bsim.Vanish, true, 404, "404"},
		{"POST", "/connect", e2bsim.Connect, e2bsim.OtherID, true, 201, "running"},
		{"POST", "/timeout", e2bsim.Timeout, e2bsim.EffectLost, false, 204, "running"},
		{"POST", "/timeout", e2bsim.Timeout, e2bsim.AnswerLost, false, lost, "running"},
		{"DELETE", "", e2bsim.Kill, e2bsim.AnswerLost, false, lost, "404"},
		{"DELETE", "", e2bsim.Kill, e2bsim.EffectLost, false, 204, "running"},
		{"DELETE", "", e2bsim.Kill, e2bsim.GatewayTimeout, false, 504, "running"},
		{"GET", "", e2bsim.Get, e2bsim.RateLimited, false, 429, "running"},
	} {
		t.Run(c.call+c.path+" "+string(c.action), func(t *testing.T) {
			w := newWorld(t)
			id := w.create(durable)
			if c.paused {
				w.pause(id)
			}
			retryAfter := map[e2bsim.Action]int{e2bsim.RateLimited: 7}[c.action]
			w.fault(e2bsim.Fault{Call: c.kind, Action: c.action, RetryAfter: retryAfter})
			res := w.call(c.call, "/sandboxes/"+id+c.path, `{"timeout":900}`)
			if (c.status == lost) != (res.err != nil) || (res.err == nil && res.status != c.status) {
				t.Errorf("answered %d %s (%v), want %d", res.status, res.raw, res.err, c.status)
			}
			if json := strings.HasPrefix(res.raw, "{"); json == (c.status == 504) && c.status >= 400 {
				t.Errorf("a 504 is plain text and any other error JSON: %s", res.raw)
			}
			if want := map[bool]string{true: "7"}[c.action == e2bsim.RateLimited]; res.header.Get("Retry-After") != want {
				t.Errorf("Retry-After %q, want %q", res.header.Get("Retry-After"), want)
			}
			if other := res.status < 300 && res.text("sandboxID") != "" && res.text("sandboxID") != id; other != (c.action == e2bsim.OtherID) {
				t.Errorf("answered %s about %s", res.raw, id)
			}
			if got := w.state(id); got != c.state {
				t.Errorf("after it get says %s, want %s", got, c.state)
			}
		})
	}
}

func TestFaultsOfCreate(t *testing.T) {
	for action, made := range map[e2bsim.Action]int{e2bsim.GatewayTimeout: 0, e2bsim.TimeoutAfter: 1, e2bsim.AnswerLost: 1,
		e2bsim.CutHalfway: 1, e2bsim.EffectLost: 0, e2bsim.LimitReached: 0} {
		w := newWorld(t)
		w.fault(e2bsim.Fault{Call: e2bsim.Create, Action: action})
		res := w.call("POST", "/v2/sandboxes", durable)
		if got := len(w.list("")); got != made {
			t.Errorf("%s: %d sandboxes, want %d", action, got, made)
		}
		if action == e2bsim.EffectLost && (res.status != 201 || w.state(res.text("sandboxID")) != "404") {
			t.Errorf("effect_lost answered %d %s", res.status, res.raw)
		}
	}
}

func TestOddEntry(t *testing.T) {
	w := newWorld(t)
	w.create(`{"templateID":"base","metadata":{"k":"v"}}`)
	w.fault(e2bsim.Fault{Call: e2bsim.List, Action: e2bsim.OddEntry})
	for _, want := range []string{`[{"templateID":"","alias":"","sandboxID":"isb_0123456789"`, `[{"templateID":"`} {
		if res := w.call("GET", "/v2/sandboxes?metadata=k%3Dv", ""); !strings.HasPrefix(res.raw, want) || strings.Count(res.raw, `"metadata":{"k":"v"}`) != strings.Count(res.raw, "sandboxID") {
			t.Errorf("listed %s, want %s first", res.raw, want)
		}
	}
}

func TestEffectLostLeavesTheTimeout(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.EffectLost})
	w.expect("POST", "/sandboxes/"+id+"/connect", `{"timeout":900}`, 200)
	if got := w.left(id); got != 600*time.Second {
		t.Errorf("it has %v left, want 600s", got)
	}
}

func TestNthCallAndTimes(t *testing.T) {
	w := newWorld(t)
	first, second := w.create(durable), w.create(durable)
	w.fault(e2bsim.Fault{Call: e2bsim.Get, Sandbox: second, Nth: 2, Times: 2, Action: e2bsim.ErrorAnswer, Status: 503})
	w.expect("GET", "/sandboxes/"+first, "", 200)
	for i, want := range []int{200, 503, 503, 200} {
		if res := w.call("GET", "/sandboxes/"+second, ""); res.status != want {
			t.Errorf("call %d answered %d, want %d", i+1, res.status, want)
		}
	}
	if left := w.Faults(); len(left) != 0 {
		t.Errorf("a used-up fault is still in the script: %v", left)
	}
	for _, bad := range []e2bsim.Fault{{Call: e2bsim.Get, Action: e2bsim.Stale}, {Call: e2bsim.Pause, Action: e2bsim.Lag}, {Call: e2bsim.Pause, Action: "explode"}, {Call: "sleep", Action: e2bsim.Delay}} {
		if _, err := w.AddFault(bad); err == nil {
			t.Errorf("%s of %s was accepted", bad.Action, bad.Call)
		}
	}
}

func TestDestroyFallsBackToTheOlderSnapshot(t *testing.T) {
	w := newWorld(t, func(c *e2bsim.Config) { c.KeepSnapshots = true })
	id := w.create(durable)
	w.write(id, "file", "first")
	w.pause(id)
	w.connect(id)
	w.write(id, "file", "second")
	w.fault(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.Destroy})
	w.expect("POST", "/sandboxes/"+id+"/pause", "", 500)
	if got := w.state(id); got != "paused" {
		t.Fatalf("get says %s, want paused", got)
	}
	w.connect(id)
	if got := w.read(id, "file"); got != "first" {
		t.Errorf("connect brought the %s file, want the first", got)
	}
}

func TestStaleResume(t *testing.T) {
	for _, c := range []struct {
		keep bool
		want string
	}{{true, "first"}, {false, "missing"}} {
		w := newWorld(t, func(cfg *e2bsim.Config) { cfg.KeepSnapshots = c.keep })
		id := w.create(durable)
		w.write(id, "file", "first")
		w.pause(id)
		w.connect(id)
		w.write(id, "file", "second")
		w.pause(id)
		w.fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Stale})
		w.connect(id)
		if got := w.read(id, "file"); got != c.want {
			t.Errorf("snapshots kept %v: connect brought the %s file, want %s", c.keep, got, c.want)
		}
	}
}

func TestFailedSnapshotDestroys(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.backend.onFreeze(func() error { return context.DeadlineExceeded })
	w.expect("POST", "/sandboxes/"+id+"/pause", "", 500)
	if got := w.state(id); got != "404" {
		t.Errorf("get says %s, want 404", got)
	}
}

// TestFragilePause: a pause whose caller hangs up destroys, where the script
// says so, and is finished otherwise.
func TestFragilePause(t *testing.T) {
	for _, fragile := range []bool{true, false} {
		w := newWorld(t)
		id := w.create(durable)
		if fragile {
			w.fault(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.Fragile})
		}
		frozen, release, answered := make(chan struct{}), make(chan struct{}), make(chan struct{})
		w.backend.onFreeze(func() error { close(frozen); <-release; return nil })
		w.Observe(func(c e2bsim.Call) {
			if c.Kind == e2bsim.Pause && c.Phase == e2bsim.Answered {
				close(answered)
			}
		})
		ctx, hangUp := context.WithCancel(w.context())
		gone := make(chan struct{})
		go func() {
			send(ctx, "POST", w.api+"/sandboxes/"+id+"/pause", "", http.Header{"X-Api-Key": {testKey}})
			close(gone)
		}()
		<-frozen
		hangUp()
		<-gone
		<-answered
		close(release)
		want := map[bool]e2bsim.State{true: e2bsim.StateGone, false: e2bsim.StatePaused}[fragile]
		w.waitFor(id, want)
	}
}

func TestCallLog(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.fault(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.AnswerLost})
	w.call("POST", "/sandboxes/"+id+"/pause", "")
	calls, seen := w.Calls(), []string{}
	for _, c := range calls {
		seen = append(seen, string(c.Kind)+" "+string(c.Phase))
	}
	if got, want := strings.Join(seen, ", "), "create received, create answered, pause received, pause answered"; got != want {
		t.Errorf("logged %s, want %s", got, want)
	}
	if last := calls[len(calls)-1]; last.ID != id || last.Status != 204 || last.Fault != e2bsim.AnswerLost {
		t.Errorf("the last entry is %+v", last)
	}
}
