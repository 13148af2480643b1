package systemtest

import (
	"net/http"
	"testing"
	"time"

	"siesta/local/stack"
	"siesta/shared/job"
)

// TestWithoutRedis: the cache is never needed, and heals by itself.
func TestWithoutRedis(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	before := u.start(page("before"))
	s.asleep(before)
	s.Redis.Kill()
	during := u.start(page("during"))
	s.asleep(during)
	for _, id := range []string{before, during} {
		if got := u.status(id); got.Status != job.Ready || !got.SandboxPaused || got.PreviewURL == nil {
			t.Errorf("without Redis the status says %+v", got)
		}
	}
	if err := s.Redis.Restart(); err != nil {
		t.Fatal(err)
	}
	// Functions that found Redis dead leave it alone for a second.
	s.until("a read has filled the cache", func() bool { return u.status(during).SandboxPaused && len(s.hash(during)) > 0 })
	s.until("a write has filled the cache", func() bool {
		after := s.user().start(page("after"))
		s.asleep(after)
		return s.hash(after)["sandbox_paused"] == "true"
	})
	s.until("reconcile has filled the cache", func() bool { s.reconcile(); return len(s.hash(before)) > 0 })
	checkPromises(t, s)
}

// TestASilentRedis: one that takes connections and answers nothing costs time,
// and no more than that.
func TestASilentRedis(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	if err := s.Redis.Freeze(); err != nil {
		t.Fatal(err)
	}
	id := u.start(page("hello"))
	s.asleep(id)
	if got := u.status(id); got.Status != job.Ready || !got.SandboxPaused {
		t.Errorf("the status says %+v", got)
	}
	if err := s.Redis.Thaw(); err != nil {
		t.Fatal(err)
	}
	s.until("reconcile has filled the cache", func() bool { s.reconcile(); return s.hash(id)["sandbox_paused"] == "true" })
	checkPromises(t, s)
}

// TestWithoutPostgres: what is cached can still be read, everything else says
// in words that it must wait, and nothing that was accepted is lost.
func TestWithoutPostgres(t *testing.T) {
	s := newStack(t, func(c *stack.Config) { c.Keep = true }) // a database that outlives its server
	u := s.user()
	before := u.start(page("before"))
	s.asleep(before)
	builds := u.start(gated("hello"))
	atWork := s.await(builds, "at work", func(j job.Job) bool { return j.Status == job.Checks })

	s.Postgres.Kill()
	if got := u.status(before); got.Status != job.Ready || !got.SandboxPaused {
		t.Errorf("without Postgres a cached status says %+v", got)
	}
	u.sendStart(u.body(page("refused")), "").wantError(http.StatusServiceUnavailable)
	u.ask(job.NewID()).wantError(http.StatusServiceUnavailable)
	for _, verb := range []string{"resume", "snapshot", "cancel"} {
		u.post(before, verb).wantError(http.StatusServiceUnavailable)
	}
	queued := job.NewID()
	u.enqueue(queued, page("queued"))
	s.rest()
	if n := s.SQS.Stats("BuildQueue").Total(); n != 2 {
		t.Errorf("%d build messages are kept, want 2", n)
	}

	if err := s.Postgres.Restart(); err != nil {
		t.Fatal(err)
	}
	s.openGate(atWork)
	s.until("both jobs end", func() bool {
		s.passTime(2 * time.Minute)
		return s.exists(queued) && s.row(queued).Status.Terminal() && s.row(builds).Status.Terminal()
	})
	s.asleep(queued)
	s.asleep(builds)
	if n := s.SQS.Stats("BuildDeadLetters").Total() + s.SQS.Stats("PauseDeadLetters").Total(); n != 0 {
		t.Errorf("%d messages were given up", n)
	}
	checkPromises(t, s)
}
