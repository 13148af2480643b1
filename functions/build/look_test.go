package main

import (
	"testing"
	"time"
)

// TestLooksComeAsOftenAsAStepIsShort: half a second is much of a short install,
// and each look at a long one costs a turn.
func TestLooksComeAsOftenAsAStepIsShort(t *testing.T) {
	t.Parallel()
	after := func(step time.Duration, unheard bool) time.Duration {
		turn := &turn{read: time.Now(), unheard: unheard}
		turn.j.ReadAt = time.Now()
		turn.j.StepStartedAt = turn.j.ReadAt.Add(-step)
		return turn.wait()
	}
	for step, want := range map[time.Duration]time.Duration{
		0: time.Second, 4 * time.Second: time.Second, 20 * time.Second: time.Second, 50 * time.Second: 3 * time.Second,
		61 * time.Second: 6 * time.Second, 5 * time.Minute: 30 * time.Second, time.Hour: time.Minute,
	} {
		if got := after(step, false); got != want {
			t.Errorf("%v after its start a step is looked at again in %v, want %v", step, got, want)
		}
		if got := after(step, true); got != min(max(step, time.Second), time.Minute) {
			t.Errorf("%v after its start, without an answer, a step is looked at again in %v", step, got)
		}
	}
	turns := 0
	for passed := turnPoll; passed < 40*time.Minute; passed += after(passed, false) {
		turns++
	}
	if turns > 100 {
		t.Errorf("a step of 40 minutes takes %d turns", turns)
	}
}

// TestEachCommandIsLookedAtForAWhile: a server that comes up a second after a
// short install is READY in its turn.
func TestEachCommandIsLookedAtForAWhile(t *testing.T) {
	b := setup(t)
	done := b.ready(b.accept(page()).ID)
	turn := &turn{handler: b.handler, j: done, envd: b.Inside(done), started: true, polled: turnPoll}
	if turn.linger(t.Context()) {
		t.Error("the turn has no end")
	}
	_, err := turn.start(t.Context(), "another", "true", "Starting", 0)
	b.OK(err)
	if !turn.linger(t.Context()) {
		t.Error("a command is not looked at, since another was")
	}
	turn.polled = jobPoll
	if turn.linger(t.Context()) {
		t.Error("the job's turns have no end")
	}
}
