package e2bsim_test

import (
	"sync"
	"testing"

	"siesta/local/e2bsim"
)

// hold makes every pause wait once frozen, until the returned function runs.
func (w *world) hold() (frozen chan struct{}, release func()) {
	frozen, open := make(chan struct{}, 10), make(chan struct{})
	w.backend.onFreeze(func() error { frozen <- struct{}{}; <-open; return nil })
	return frozen, sync.OnceFunc(func() { close(open) })
}

// phase returns a channel that gets one value for each call of a kind that has
// come so far.
func (w *world) phase(kind e2bsim.Kind, phase e2bsim.Phase) chan struct{} {
	seen := make(chan struct{}, 100)
	w.Observe(func(c e2bsim.Call) {
		if c.Kind == kind && c.Phase == phase {
			seen <- struct{}{}
		}
	})
	return seen
}

func (w *world) async(method, path, body string) chan result {
	answers := make(chan result, 1)
	go func() { answers <- w.call(method, path, body) }()
	return answers
}

func TestSecondPauseJoins(t *testing.T) {
	for _, c := range []struct {
		broken bool
		want   int
	}{{false, 204}, {true, 500}} {
		w := newWorld(t)
		id := w.create(durable)
		frozen, open := make(chan struct{}), make(chan struct{})
		w.backend.onFreeze(func() error {
			close(frozen)
			<-open
			if c.broken {
				return errBroken
			}
			return nil
		})
		waiting := w.phase(e2bsim.Pause, e2bsim.Waiting)
		first := w.async("POST", "/sandboxes/"+id+"/pause", "")
		<-frozen
		second := w.async("POST", "/sandboxes/"+id+"/pause", "")
		<-waiting
		w.expect("POST", "/sandboxes/"+id+"/timeout", `{"timeout":60}`, 409)
		close(open)
		if got, joined := (<-first).status, (<-second).status; got != c.want || joined != c.want {
			t.Errorf("the two pauses answered %d and %d, want %d", got, joined, c.want)
		}
		if info, _ := w.Sandbox(id); !c.broken && info.Pauses != 1 {
			t.Errorf("it was paused %d times, want once", info.Pauses)
		}
	}
}

func TestConnectWaitsForThePause(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	frozen, release := w.hold()
	waiting := w.phase(e2bsim.Connect, e2bsim.Waiting)
	pause := w.async("POST", "/sandboxes/"+id+"/pause", "")
	<-frozen
	connect := w.async("POST", "/sandboxes/"+id+"/connect", `{"timeout":60}`)
	<-waiting
	release()
	if got := (<-pause).status; got != 204 {
		t.Errorf("pause answered %d", got)
	}
	if got := (<-connect).status; got != 201 {
		t.Errorf("connect answered %d, want 201", got)
	}
	if got := w.state(id); got != "running" {
		t.Errorf("at the end it is %s", got)
	}
}

func TestConnectAfterAFailedPauseIs500(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	frozen, open := make(chan struct{}), make(chan struct{})
	w.backend.onFreeze(func() error { close(frozen); <-open; return errBroken })
	w.async("POST", "/sandboxes/"+id+"/pause", "")
	<-frozen
	waiting := w.phase(e2bsim.Connect, e2bsim.Waiting)
	connect := w.async("POST", "/sandboxes/"+id+"/connect", `{"timeout":60}`)
	<-waiting
	close(open)
	if got := (<-connect).status; got != 500 {
		t.Errorf("connect answered %d, want 500", got)
	}
}

func TestTwoConnectsJoin(t *testing.T) {
	w := newWorld(t)
	id := w.create(`{"templateID":"base","timeout":600,"autoPause":true,"autoPauseMemory":false}`)
	w.expect("POST", "/sandboxes/"+id+"/pause", `{"memory":false}`, 204)
	starting, open := make(chan struct{}), make(chan struct{})
	w.backend.onStart(func() error { close(starting); <-open; return nil })
	first := w.async("POST", "/sandboxes/"+id+"/connect", `{"timeout":60}`)
	<-starting
	if got := w.state(id); got != "paused" {
		t.Errorf("while resuming get says %s, want paused", got)
	}
	waiting := w.phase(e2bsim.Connect, e2bsim.Waiting)
	second := w.async("POST", "/sandboxes/"+id+"/connect", `{"timeout":900}`)
	<-waiting
	w.expect("POST", "/sandboxes/"+id+"/pause", "", 409)
	close(open) // a second start would close starting again, and panic
	if got := (<-first).status; got != 201 {
		t.Errorf("the first connect answered %d", got)
	}
	if got := (<-second).status; got != 201 {
		t.Errorf("the second connect answered %d", got)
	}
	if got := w.left(id).Seconds(); got != 900 {
		t.Errorf("it has %v s left, want the longer of both", got)
	}
}

func TestKillWaitsForThePause(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	frozen, release := w.hold()
	seen := w.phase(e2bsim.Kill, e2bsim.Received)
	pause := w.async("POST", "/sandboxes/"+id+"/pause", "")
	<-frozen
	kill := w.async("DELETE", "/sandboxes/"+id, "")
	<-seen
	release()
	if p, k := (<-pause).status, (<-kill).status; p != 204 || k != 204 {
		t.Errorf("pause answered %d and kill %d, want 204 twice", p, k)
	}
	w.waitFor(id, e2bsim.StateGone)
}

// TestManyAtOnce sends every call about one sandbox at once, again and again;
// at the end it must still obey.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	var all sync.WaitGroup
	for range 8 {
		for _, call := range []string{"/pause", "/connect", "/timeout", "/refreshes", "/resume"} {
			all.Go(func() {
				for range 5 {
					w.call("POST", "/sandboxes/"+id+call, `{"timeout":600,"duration":60}`)
					w.call("GET", "/v2/sandboxes", "")
				}
			})
		}
	}
	all.Wait()
	w.call("POST", "/sandboxes/"+id+"/connect", `{"timeout":600}`)
	if got := w.state(id); got != "running" {
		t.Errorf("after a connect it is %s", got)
	}
	w.pause(id)
	w.expect("DELETE", "/sandboxes/"+id, "", 204)
}
