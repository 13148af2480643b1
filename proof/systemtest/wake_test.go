package systemtest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// TestAPreviewWakesAndSleepsAgain: on demand, for as long as a setting says.
func TestAPreviewWakesAndSleepsAgain(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	id := u.start(page("hello"))
	j := s.asleep(id)
	for round := range 2 {
		got := u.resumed(id)
		if client.Text(got.PreviewURL) != j.PreviewURL || got.SandboxPaused || got.SandboxExpiresAt == nil {
			t.Errorf("resume answered %+v", got)
		}
		if code, body := s.visit(j.PreviewURL); code != http.StatusOK || body != "hello" {
			t.Errorf("the woken preview answered %d %q", code, body)
		}
		if told := u.status(id); told.SandboxPaused || told.SandboxState != job.SandboxRunning {
			t.Errorf("the status of a woken preview says %+v", told)
		}
		s.passTime(9 * time.Minute)
		if round == 1 { // a message that comes too early
			s.send(s.PauseQueueURL, fmt.Sprintf(`{"version":1,"job_id":%q,"sandbox_id":%q,"epoch":%d}`, id, j.SandboxID, s.row(id).Epoch))
			s.rest()
		}
		if state := s.box(j).State; state != e2bsim.StateRunning {
			t.Errorf("before its time the preview is %s", state)
		}
		s.passTime(time.Minute + time.Second)
		s.asleep(id)
	}
	s.passTime(3 * time.Minute) // of two messages about one pause, one waits for the other
	checkPromises(t, s)
}

// TestEightResumesAtOnce all come to the same preview, by one wake.
func TestEightResumesAtOnce(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	id := u.start(page("hello"))
	j := s.asleep(id)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := u.resumed(id); client.Text(got.PreviewURL) != j.PreviewURL {
				t.Errorf("resume answered %+v", got)
			}
		})
	}
	all.Wait()
	if code, body := s.visit(j.PreviewURL); code != http.StatusOK || body != "hello" {
		t.Errorf("the woken preview answered %d %q", code, body)
	}
	if now := s.row(id); now.Epoch != j.Epoch+1 {
		t.Errorf("the epoch went from %d to %d, want one wake", j.Epoch, now.Epoch)
	}
	// With every answer in, it sleeps as soon as it is asked to.
	asked := time.Now()
	u.post(id, "snapshot").want(http.StatusAccepted)
	s.asleep(id)
	if took := time.Since(asked); took > 20*time.Second {
		t.Errorf("asleep after %s", took)
	}
	s.passTime(11 * time.Minute)
	checkPromises(t, s)
}

// TestADeadServerIsRestarted when its preview is wanted again, be it awake or
// asleep meanwhile.
func TestADeadServerIsRestarted(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	id := u.start(page("hello"))
	j := s.asleep(id)
	u.resumed(id)
	die := func() {
		t.Helper()
		_, _, _ = s.tryVisit(strings.TrimSuffix(j.PreviewURL, "/") + "/die") // it ends without an answer
		s.until("the server is dead", func() bool {
			code, _, err := s.tryVisit(j.PreviewURL)
			return err == nil && code == http.StatusBadGateway
		})
	}
	die()
	u.resumed(id)
	if code, body := s.visit(j.PreviewURL); code != http.StatusOK || body != "hello" {
		t.Errorf("the preview of a server that died awake answered %d %q", code, body)
	}
	die()
	u.post(id, "snapshot").want(http.StatusAccepted)
	s.asleep(id)
	u.resumed(id)
	if code, body := s.visit(j.PreviewURL); code != http.StatusOK || body != "hello" {
		t.Errorf("the preview of a restarted server answered %d %q", code, body)
	}
	s.passTime(11 * time.Minute)
	checkPromises(t, s)
}

// TestSnapshot asks for a pause now; it wakes nothing and tells the truth.
func TestSnapshot(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	builds := u.start(commands("", "sleep 600", app()))
	u.post(builds, "snapshot").wantError(http.StatusUnprocessableEntity)
	u.post(builds, "resume").wantError(http.StatusUnprocessableEntity)
	u.post(builds, "cancel").want(http.StatusOK)

	id := u.start(page("hello"))
	s.asleep(id)
	connects := s.asked(e2bsim.Connect)
	if got := u.post(id, "snapshot").want(http.StatusOK).answer(); !got.Paused {
		t.Errorf("a snapshot of a sleeping preview answered %+v", got)
	}
	if n := s.asked(e2bsim.Connect); n != connects {
		t.Error("a snapshot woke the preview")
	}
	u.resumed(id)
	if got := u.post(id, "snapshot").want(http.StatusAccepted).answer(); got.Paused {
		t.Errorf("a snapshot of a running preview answered %+v", got)
	}
	s.asleep(id)
	s.passTime(11 * time.Minute) // the pause that the resume booked finds nothing to do
	checkPromises(t, s)
}

// TestALostSandboxIsExpired: one 404 is not believed; two, a while apart, are.
func TestALostSandboxIsExpired(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	id := u.start(page("hello"))
	j := s.asleep(id)
	if err := s.E2B.Vanish(s.t.Context(), j.SandboxID); err != nil {
		t.Fatal(err)
	}
	wantType(t, u.post(id, "resume"), "sandbox_unreachable")
	s.until("the loss is believed", func() bool {
		s.passTime(time.Minute)
		s.reconcile()
		return s.row(id).SandboxState == job.SandboxGone
	})
	wantType(t, u.post(id, "resume"), "sandbox_expired")
	if got := u.status(id); got.SandboxState != job.SandboxGone || got.SandboxPaused {
		t.Errorf("the status says %+v", got)
	}
	s.passTime(5 * time.Minute) // pauses that were asked for meanwhile
	checkPromises(t, s)
}

func wantType(t *testing.T, r reply, want string) {
	t.Helper()
	r.wantError(http.StatusServiceUnavailable)
	if r.Told.Detail.Type != want {
		t.Errorf("got %s, want the error type %s", r.body, want)
	}
}

// TestASandboxWokenFromOutside is put back to sleep.
func TestASandboxWokenFromOutside(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	id := u.start(page("hello"))
	j := s.asleep(id)
	s.connectOutside(j.SandboxID)
	for range 10 { // the grace of five minutes, and a few runs; E2B's own time-out is an hour off
		s.passTime(time.Minute)
		s.reconcile()
	}
	s.rest()
	if state := s.box(j).State; state != e2bsim.StatePaused {
		t.Errorf("ten minutes later it is %s", state)
	}
	checkPromises(t, s)
}
