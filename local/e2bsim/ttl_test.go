package e2bsim_test

import (
	"testing"
	"time"

	"siesta/local/e2bsim"
)

func (w *world) left(id string) time.Duration {
	w.t.Helper()
	info, ok := w.Sandbox(id)
	if !ok {
		w.t.Fatalf("no sandbox %s", id)
	}
	return info.EndAt.Sub(w.Now())
}

func TestTimeoutPausesOrKills(t *testing.T) {
	w := newWorld(t)
	durableID, plain := w.create(durable), w.create(`{"templateID":"base","timeout":600}`)
	w.advance(599 * time.Second)
	if got := w.state(durableID) + w.state(plain); got != "runningrunning" {
		t.Fatalf("a second too early: %s", got)
	}
	w.advance(time.Second)
	if got := w.state(durableID); got != "paused" {
		t.Errorf("autoPause: %s, want paused", got)
	}
	if got := w.state(plain); got != "404" {
		t.Errorf("without autoPause: %s, want 404", got)
	}
	w.advance(365 * 24 * time.Hour)
	if info, _ := w.Sandbox(durableID); !info.EndAt.Equal(epoch.Add(600 * time.Second)) {
		t.Errorf("asleep, its end is %v, want the time of the pause", info.EndAt)
	}
	if got := w.state(durableID); got != "paused" {
		t.Errorf("a year later: %s, want paused", got)
	}
	id := w.create(durable)
	w.advance(10 * time.Second)
	w.pause(id)
	if info, _ := w.Sandbox(id); !info.EndAt.Equal(w.Now()) {
		t.Errorf("paused before its time, its end is %v, want now", info.EndAt)
	}
	w.connect(durableID)
	if got := w.left(durableID); got != 600*time.Second {
		t.Errorf("after connect it has %v", got)
	}
}

func TestKillByTimeoutKeepsTheOlderSnapshot(t *testing.T) {
	w := newWorld(t)
	id := w.create(`{"templateID":"base","timeout":600}`)
	w.write(id, "file", "first")
	w.pause(id)
	w.connect(id)
	w.write(id, "file", "second")
	w.advance(time.Hour)
	if got := w.state(id); got != "paused" {
		t.Fatalf("after the kill get says %s, want paused", got)
	}
	w.expect("POST", "/sandboxes/"+id+"/pause", "", 409)
	w.connect(id)
	if got := w.read(id, "file"); got != "first" {
		t.Errorf("connect brought the %s file, want the first", got)
	}
	w.expect("DELETE", "/sandboxes/"+id, "", 204)
	if got := w.state(id); got != "404" {
		t.Errorf("after DELETE get says %s", got)
	}
}

func TestWhatMovesTheTimeout(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	for _, c := range []struct {
		path, body string
		status     int
		want       time.Duration
	}{
		{"/connect", `{"timeout":60}`, 200, 600 * time.Second}, // never shortens
		{"/connect", `{"timeout":900}`, 200, 900 * time.Second},
		{"/timeout", `{"timeout":100}`, 204, 100 * time.Second}, // may shorten
		{"/refreshes", `{"duration":50}`, 204, 100 * time.Second},
		{"/refreshes", `{"duration":500}`, 204, 500 * time.Second},
	} {
		w.expect("POST", "/sandboxes/"+id+c.path, c.body, c.status)
		if got := w.left(id); got != c.want {
			t.Errorf("%s %s leaves %v, want %v", c.path, c.body, got, c.want)
		}
	}
	w.expect("POST", "/sandboxes/"+id+"/timeout", `{"timeout":0}`, 204)
	w.waitFor(id, e2bsim.StatePaused)
	w.expect("POST", "/sandboxes/"+id+"/connect", `{"timeout":0}`, 201)
	w.waitFor(id, e2bsim.StatePaused)
}

// TestLongestRun: an hour, as on the Hobby plan, where no other is asked for.
func TestLongestRun(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.expect("POST", "/sandboxes/"+id+"/timeout", `{"timeout":7200}`, 204)
	if got := w.left(id); got != time.Hour {
		t.Errorf("a run of two hours was capped to %v, want 1h", got)
	}
	w.advance(time.Hour)
	if got := w.state(id); got != "paused" {
		t.Errorf("after the longest run it is %s", got)
	}
	w.expect("POST", "/sandboxes/"+id+"/connect", `{"timeout":3601}`, 400)
	w.connect(id)
	if got := w.left(id); got != 600*time.Second {
		t.Errorf("a resume starts a new run; it has %v left", got)
	}

	w.SetPlan(e2bsim.Plan{MaxRun: -1, MaxTimeout: -1})
	w.expect("POST", "/sandboxes/"+id+"/connect", `{"timeout":7200}`, 200)
	if got := w.left(id); got != 2*time.Hour {
		t.Errorf("without a longest run it has %v left", got)
	}
}

func TestAdvanceStopsAtEachTimeout(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.advance(24 * time.Hour)
	info, _ := w.Sandbox(id)
	if want := epoch.Add(600 * time.Second); info.State != e2bsim.StatePaused || !info.EndAt.Equal(want) {
		t.Errorf("it is %s since %v, want paused since %v", info.State, info.EndAt, want)
	}
}
