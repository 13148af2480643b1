package systemtest

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// killWorkers kills the processes of a function, whatever they do.
func (s *system) killWorkers(function string) {
	for number := range 200 {
		s.Runtime.Kill(function, number)
	}
}

// TestAKilledWorkerIsReplaced: the build goes on within two minutes, with the
// sandbox that it had, and no command runs twice.
func TestAKilledWorkerIsReplaced(t *testing.T) {
	for name, at := range map[string]e2bsim.Call{
		"after it had a sandbox made":  {Kind: e2bsim.Create, Phase: e2bsim.Answered},
		"after it started the install": {Kind: e2bsim.StartProcess, Phase: e2bsim.Answered},
		"before it asked for a pause":  {Kind: e2bsim.Pause, Phase: e2bsim.Received},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, nil)
			u := s.user()
			var struck atomic.Bool
			s.E2B.Observe(func(c e2bsim.Call) {
				if c.Kind == at.Kind && c.Phase == at.Phase && struck.CompareAndSwap(false, true) {
					function := "build"
					if at.Kind == e2bsim.Pause {
						function = "pause"
					}
					s.killWorkers(function)
				}
			})
			id := u.start(commands("echo -n once >> index.html", "", app()))
			s.until("the worker is killed", struck.Load)
			s.passTime(2 * time.Minute)
			j := s.asleep(id)
			if box := s.box(j); box.Bill.Seconds > 10*60 {
				t.Errorf("the sandbox ran for %v s", box.Bill.Seconds)
			}
			if j.CreateNo != 1 {
				t.Errorf("%d creates, want 1", j.CreateNo)
			}
			u.resumed(id)
			if _, body := s.visit(j.PreviewURL); body != "once" {
				t.Errorf("the preview shows %q: the install did not run once", body)
			}
			s.passTime(11 * time.Minute)
			checkPromises(t, s)
		})
	}
}

// TestABuildThatKillsItsWorkers is given up, in words.
func TestABuildThatKillsItsWorkers(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	s.E2B.Observe(func(c e2bsim.Call) {
		if c.Kind == e2bsim.StartProcess && c.Phase == e2bsim.Received {
			s.killWorkers("build")
		}
	})
	id := u.start(page("hello"))
	s.until("it is given up", func() bool {
		s.passTime(2 * time.Minute)
		return s.row(id).Status.Terminal()
	})
	if j := s.failed(id); !strings.Contains(j.ErrorMessage, "interrupted") || j.Crashes < 3 {
		t.Errorf("after %d crashes it failed with %q", j.Crashes, j.ErrorMessage)
	}
	checkPromises(t, s)
}

// TestLostMessages: reconcile sends again what a queue lost.
func TestLostMessages(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	id := u.start(gated("hello"))
	handed := s.await(id, "handed over", func(j job.Job) bool { return j.Turn > 0 })
	for range 2 { // the first may miss a turn that has just begun, and its message
		s.rest()
		s.purge("BuildQueue")
	}
	s.openGate(handed)
	s.passTime(2 * time.Minute)
	if j := s.row(id); j.Status.Terminal() {
		t.Fatalf("without a message the job became %s", j.Status)
	}
	s.reconcile()
	s.until("it is built", func() bool { s.passTime(15 * time.Second); return s.row(id).Status.Terminal() })
	j := s.asleep(id)

	u.resumed(id) // which books the next pause
	s.purge("PauseQueue")
	s.passTime(12 * time.Minute)
	if got := s.box(j); got.State != e2bsim.StateRunning {
		t.Fatalf("without a message the sandbox became %s", got.State)
	}
	s.reconcile()
	s.asleep(id)
	checkPromises(t, s)
}
