package systemtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/job"
)

// TestWhateverE2BAnswers: each way in which a call of the lifecycle can go
// wrong once ends well by itself.
func TestWhateverE2BAnswers(t *testing.T) {
	s := newStack(t, func(c *stack.Config) {
		c.E2B = compose(c.E2B, func(e *e2bsim.Config) { e.PauseLatency, e.ResumeLatency = -1, -1 })
	})
	u := s.user()
	for _, fault := range []e2bsim.Fault{
		{Call: e2bsim.Create, Action: e2bsim.GatewayTimeout},
		{Call: e2bsim.Create, Action: e2bsim.TimeoutAfter},
		{Call: e2bsim.Create, Action: e2bsim.AnswerLost},
		{Call: e2bsim.Create, Action: e2bsim.CutHalfway},
		{Call: e2bsim.Create, Action: e2bsim.LimitReached},
		{Call: e2bsim.Create, Action: e2bsim.RateLimited},
		{Call: e2bsim.Create, Action: e2bsim.ErrorAnswer},
		{Call: e2bsim.Create, Action: e2bsim.ErrorAnswer, Status: http.StatusUnprocessableEntity, ErrorCode: "idempotency_outcome_unknown"},
		{Call: e2bsim.Pause, Action: e2bsim.GatewayTimeout},
		{Call: e2bsim.Pause, Action: e2bsim.AnswerLost},
		{Call: e2bsim.Pause, Action: e2bsim.RateLimited},
		{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer},
		{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: http.StatusUnauthorized},
		{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: http.StatusNotFound},
		{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: http.StatusServiceUnavailable},
		{Call: e2bsim.Connect, Action: e2bsim.GatewayTimeout},
		{Call: e2bsim.Connect, Action: e2bsim.TimeoutAfter},
		{Call: e2bsim.Connect, Action: e2bsim.AnswerLost},
		{Call: e2bsim.Connect, Action: e2bsim.OtherID},
		{Call: e2bsim.Connect, Action: e2bsim.LimitReached},
		{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer},
		{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer, Status: http.StatusNotFound},
		{Call: e2bsim.StartProcess, Action: e2bsim.AnswerLost},
		{Call: e2bsim.Files, Action: e2bsim.GatewayTimeout},
	} {
		t.Run(fmt.Sprint(fault.Call, " ", fault.Action, " ", fault.Status), func(t *testing.T) {
			s := s.in(t)
			u := user{s, u.name, u.token, u.project}
			text := fmt.Sprint(fault.Call, " ", fault.Action)
			if fault.Call != e2bsim.Connect {
				s.fail(fault)
			}
			id := u.start(page(text))
			s.settle(id)
			if fault.Call == e2bsim.Connect {
				s.fail(fault)
			}
			u.post(id, "resume")
			s.settle(id)
			if left := s.E2B.Faults(); len(left) > 0 {
				t.Fatalf("the fault did not happen: %+v", left)
			}
			u.resumed(id)
			if code, body := s.visit(s.row(id).PreviewURL); code != http.StatusOK || body != text {
				t.Errorf("in the end the preview answered %d %q", code, body)
			}
			s.settle(id)
			checkPromises(t, s)
		})
	}
}

// TestAPauseThatDestroys: E2B's 500 often means that the state is lost. Nobody
// says that it sleeps.
func TestAPauseThatDestroys(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	s.fail(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.Destroy})
	id := u.start(page("hello"))
	s.until("the loss is believed", func() bool {
		s.passTime(time.Minute)
		s.reconcile()
		j := s.row(id)
		if j.SandboxPaused {
			t.Fatal("the row says that a lost sandbox sleeps")
		}
		return j.SandboxState == job.SandboxGone
	})
	wantType(t, u.post(id, "resume"), "sandbox_expired")
	s.passTime(5 * time.Minute)
	checkPromises(t, s)
}

// TestOlderFilesAreNoPreview: E2B may bring back files from before the last
// wake. Such a preview is over; it is not shown as if nothing had happened.
func TestOlderFilesAreNoPreview(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	s.fail(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Stale, Nth: 2})
	id := u.start(page("hello"))
	j := s.asleep(id)
	u.resumed(id)
	s.passTime(11 * time.Minute)
	s.asleep(id)
	wantType(t, u.post(id, "resume"), "sandbox_expired")
	s.until("its sandbox is gone", func() bool { return s.box(j).State == e2bsim.StateGone })
	checkPromises(t, s)
}
