package systemtest

import (
	"context"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/postgrestest"
	"siesta/shared/job"
)

// until returns when done says so, and fails the test when that takes too long.
func (s *system) until(what string, done func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("%s: still not so", what)
		}
	}
}

// row returns a job as Postgres has it.
func (s *system) row(id string) job.Job {
	s.t.Helper()
	j, err := s.store.Get(s.t.Context(), id)
	if err != nil {
		s.t.Fatalf("read row of job %s: %v", id, err)
	}
	return j
}

func (s *system) exists(id string) bool {
	_, err := s.store.Get(s.t.Context(), id)
	return err == nil
}

// await returns the row once ok says so. It looks at Postgres, which changes
// nothing; asking for the status would fill the cache.
func (s *system) await(id, what string, ok func(job.Job) bool) job.Job {
	s.t.Helper()
	var j job.Job
	s.until("job "+id+" is "+what, func() bool { j = s.row(id); return ok(j) })
	return j
}

// asleep waits until a job is READY and its row says paused.
func (s *system) asleep(id string) job.Job {
	s.t.Helper()
	j := s.await(id, "READY and paused", func(j job.Job) bool { return j.SandboxPaused || j.Status == job.Failed })
	if j.Status != job.Ready {
		s.t.Fatalf("job %s is %s: %s", id, j.Status, j.ErrorMessage)
	}
	return j
}

// failed waits until a job has failed and its sandbox is recorded as gone.
func (s *system) failed(id string) job.Job {
	s.t.Helper()
	j := s.await(id, "failed", func(j job.Job) bool {
		return j.Status == job.Ready || j.Status == job.Failed && (j.SandboxState == job.SandboxGone || j.SandboxState == job.SandboxNone)
	})
	if j.Status != job.Failed {
		s.t.Fatalf("job %s is %s, want failed", id, j.Status)
	}
	return j
}

// preview builds a page that stays awake.
func (s *system) preview(u user) job.Job {
	s.t.Helper()
	return s.await(u.start(page("hello")), "READY", func(j job.Job) bool { return j.Status.Terminal() })
}

// box is the truth about a job's sandbox.
func (s *system) box(j job.Job) e2bsim.Info {
	s.t.Helper()
	box, ok := s.E2B.Sandbox(j.SandboxID)
	if !ok {
		s.t.Fatalf("E2B never had the sandbox %q of job %s", j.SandboxID, j.ID)
	}
	return box
}

func (s *system) hash(id string) map[string]string {
	hash, err := s.redis.HGetAll(context.Background(), "job:"+id).Result()
	if err != nil {
		s.t.Errorf("read cache: %v", err)
	}
	return hash
}

// jobs are all rows, by id.
func (s *system) jobs(t *testing.T) map[string]job.Job {
	t.Helper()
	rows, err := s.store.Changed(s.t.Context(), time.Time{}, "", 100_000)
	if err != nil {
		t.Fatalf("read rows: %v", err)
	}
	all := map[string]job.Job{}
	for _, j := range rows {
		all[j.ID] = j
	}
	return all
}

// asked is how often E2B was asked for something.
func (s *system) asked(kind e2bsim.Kind) (n int) {
	for _, c := range s.E2B.Calls() {
		if c.Kind == kind && c.Phase == e2bsim.Received {
			n++
		}
	}
	return n
}

// calls is how often a function was invoked.
func (s *system) calls(function string) int {
	for _, b := range s.Runtime.Bills() {
		if b.Function == function {
			return b.Invocations
		}
	}
	return 0
}

func (s *system) fail(f e2bsim.Fault) {
	s.t.Helper()
	if _, err := s.E2B.AddFault(f); err != nil {
		s.t.Fatal(err)
	}
}

// settle lets time pass until a job is READY, its sandbox sleeps and no message
// is left.
func (s *system) settle(id string) {
	s.t.Helper()
	s.until("job "+id+" settles", func() bool {
		j := s.row(id)
		if j.Status == job.Failed {
			s.t.Fatalf("the build failed: %s", j.ErrorMessage)
		}
		if j.SandboxPaused && s.SQS.Stats("PauseQueue").Total() == 0 && s.SQS.Stats("BuildQueue").Total() == 0 {
			return true
		}
		s.passTime(time.Minute)
		s.reconcile()
		return false
	})
}

// passTime lets d pass for everything that remembers a time: leases, due times
// and deadlines in Postgres, delays and visibilities in SQS, time-outs at E2B,
// and reconcile's watermark. No function is at work meanwhile: it would find
// its own record changed. What falls due by it is done when it returns.
func (s *system) passTime(d time.Duration) {
	s.t.Helper()
	s.rest()
	defer s.rest()
	ctx := s.t.Context()
	postgrestest.Advance(s.t, s.pool, d)
	if at, err := s.cache.Watermark(ctx); err == nil && !at.IsZero() {
		if err := s.cache.SetWatermark(ctx, at.Add(-d)); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.E2B.Advance(ctx, d); err != nil {
		s.t.Fatal(err)
	}
	s.SQS.Advance(d)
}

// rest returns when no function is at work and no message can be received.
func (s *system) rest() {
	s.t.Helper()
	s.until("the functions rest", func() bool {
		return s.SQS.Stats("BuildQueue").Visible == 0 && s.SQS.Stats("PauseQueue").Visible == 0 && s.Runtime.Busy() == 0
	})
}

// reconcile runs it once, now.
func (s *system) reconcile() string {
	s.t.Helper()
	response, err := s.Reconcile.Trigger(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return string(response)
}
