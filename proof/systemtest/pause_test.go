package systemtest

import (
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/job"
)

// TestAPlanThatRefusesToPause: the job stays READY, tells the truth and the
// reason, and E2B is left alone until its own time-out has put the sandbox to
// sleep.
func TestAPlanThatRefusesToPause(t *testing.T) {
	s := newStack(t, func(c *stack.Config) {
		c.E2B = compose(c.E2B, func(e *e2bsim.Config) { e.Plan.RefusePause = true })
	})
	u := s.user()
	id := u.start(page("hello"))
	s.await(id, "refused", func(j job.Job) bool { return j.PauseError != "" })
	if got := u.status(id); got.Status != job.Ready || got.SandboxPaused || got.SandboxState != job.SandboxRunning {
		t.Errorf("the status says %+v", got)
	}
	for range 60 {
		s.passTime(time.Minute)
		s.reconcile()
		if j := s.row(id); j.SandboxPaused && s.box(j).State != e2bsim.StatePaused {
			t.Fatalf("the row says paused, the sandbox is %s", s.box(j).State)
		}
	}
	if n := s.asked(e2bsim.Pause); n > 3 {
		t.Errorf("E2B was asked %d times within an hour", n)
	}
	s.until("what E2B's time-out did is known", func() bool {
		s.passTime(time.Minute)
		s.reconcile()
		return s.row(id).SandboxPaused
	})
	checkPromises(t, s)
}

// TestAnUnansweredPause: a gateway's time-out says nothing. The row says
// pausing until E2B has confirmed.
func TestAnUnansweredPause(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	if _, err := s.E2B.AddFault(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.TimeoutAfter}); err != nil {
		t.Fatal(err)
	}
	id := u.start(page("hello"))
	s.until("E2B was asked", func() bool { return s.asked(e2bsim.Pause) > 0 })
	s.rest()
	if j := s.row(id); j.SandboxState != job.SandboxPausing || j.SandboxPaused {
		t.Errorf("after an answer that tells nothing the row says %s", j.SandboxState)
	}
	s.passTime(3 * time.Minute)
	s.asleep(id)
	checkPromises(t, s)
}
