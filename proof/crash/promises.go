package crash

import (
	"context"
	"fmt"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// Overrun is how long a sandbox may run past its due time at the most, as
// docs/lifecycle.md states it: until reconcile notices that the pause is late,
// until its next run, and until the call of a dead owner is over.
const Overrun = job.ReconcileAfter + time.Minute + job.OpTime

// view is the whole system at one moment at which nothing moves.
type view struct {
	jobs      []job.Job
	sandboxes []e2bsim.Info
	now       time.Time // the simulator's clock
	meddled
}

// meddled is what somebody else than Siesta did to its sandboxes.
type meddled struct {
	woken    map[string]bool // these
	timedOut bool            // E2B put some to sleep
}

func (s *System) look(ctx context.Context) (view, error) {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return view{}, fmt.Errorf("look at the system: %w", err)
	}
	v := view{jobs: jobs, now: s.E2B.Now(), meddled: s.meddled}
	for _, sandbox := range s.E2B.Sandboxes() {
		if sandbox.State != e2bsim.StateGone {
			v.sandboxes = append(v.sandboxes, sandbox)
		}
	}
	return v, nil
}

// job is the job that a sandbox was created for.
func (v view) job(sandbox e2bsim.Info) (job.Job, bool) {
	for _, j := range v.jobs {
		if j.ID == sandbox.Metadata[job.TagJob] {
			return j, true
		}
	}
	return job.Job{}, false
}

// sandbox is the sandbox that a job's row names, as it really is.
func (v view) sandbox(j job.Job) e2bsim.State {
	for _, sandbox := range v.sandboxes {
		if sandbox.ID == j.SandboxID {
			return sandbox.State
		}
	}
	return e2bsim.StateGone
}

// never tells what must not be at any moment, whatever has crashed.
func (v view) never() (broken []string) {
	owned := map[string]int{}
	for _, sandbox := range v.sandboxes {
		owned[sandbox.Metadata[job.TagJob]]++
	}
	for _, j := range v.jobs {
		if owned[j.ID] > 1 {
			broken = append(broken, fmt.Sprintf("job %s has %d sandboxes", j.ID, owned[j.ID]))
		}
		state, lie := v.sandbox(j), false
		switch {
		case j.SandboxPaused:
			lie = state != e2bsim.StatePaused && state != e2bsim.StateGone && !v.woken[j.SandboxID]
		case j.SandboxState == job.SandboxRunning:
			lie = state == e2bsim.StatePaused && !v.timedOut
		}
		if lie {
			broken = append(broken, fmt.Sprintf("job %s says %s, its sandbox is %s", j.ID, j.SandboxState, state))
		}
	}
	return broken
}

// overdue tells which sandboxes run for nothing for longer than most.
func (v view) overdue(most time.Duration) (broken []string) {
	for _, sandbox := range v.sandboxes {
		if sandbox.State == e2bsim.StatePaused {
			continue
		}
		j, known := v.job(sandbox)
		if over := v.over(sandbox, j, known); over > most {
			broken = append(broken, fmt.Sprintf("sandbox %s runs %s past its time: job %s (%s), state %s", sandbox.ID, over.Round(time.Second), j.ID, j.Status, j.SandboxState))
		}
	}
	return broken
}

// over is for how long nobody has had a use for a sandbox that runs. The
// simulator's clock may be ahead of the database's, so each is read by itself.
func (v view) over(sandbox e2bsim.Info, j job.Job, known bool) time.Duration {
	age, awake := v.now.Sub(sandbox.CreatedAt), v.now.Sub(sandbox.StartedAt)
	due := j.ReadAt.Sub(j.PauseDueAt)
	switch {
	case !known, j.SandboxID != "" && j.SandboxID != sandbox.ID:
		return age - job.Grace
	case j.Status == job.Failed:
		return min(age, j.ReadAt.Sub(j.CompletedAt))
	case j.Status != job.Ready:
		return 0
	case j.SandboxPaused: // woken from outside; the row believes it once no list can lag that far
		return awake - job.Grace
	case j.SandboxState == job.SandboxResuming:
		return j.ReadAt.Sub(j.OpUntil)
	case awake < due: // a wake that came to nothing
		return awake - job.OpTime
	default:
		return due
	}
}

func (s *System) never(ctx context.Context) ([]string, error) {
	v, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	return v.never(), nil
}

// Check tells what must not be, at a moment when no function runs.
func (s *System) Check(ctx context.Context) ([]string, error) {
	v, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	return append(v.never(), v.overdue(Overrun+s.allowed)...), nil
}

// leap is long enough for a message that waits its turn, and shorter than any
// lease.
const leap = 30 * time.Second

// unrest tells what is still to come to rest: unfinished jobs, sandboxes that
// run, rows and cache and simulator that differ, messages.
func (s *System) unrest(ctx context.Context) (rest []string, err error) {
	v, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	say := func(format string, args ...any) { rest = append(rest, fmt.Sprintf(format, args...)) }
	for _, queue := range s.Queues() {
		for _, m := range s.SQS.Messages(queue) {
			say("%s holds %s", queue, m.Body)
		}
	}
	for _, sandbox := range v.sandboxes {
		if j, known := v.job(sandbox); !known || j.SandboxID != sandbox.ID || j.Status != job.Ready {
			say("sandbox %s is %s and no job has it", sandbox.ID, sandbox.State)
		}
	}
	for _, j := range v.jobs {
		if !j.Status.Terminal() {
			say("job %s is %s", j.ID, j.Status)
		}
		if state := v.sandbox(j); !atRest(j, state) {
			say("job %s (%s) says its sandbox is %s, it is %s", j.ID, j.Status, j.SandboxState, state)
		}
		cached, ok, err := s.cache.Get(ctx, j.ID)
		if err != nil { // for a moment, or to the end of the patience
			say("job %s cannot be read in the cache: %v", j.ID, err)
			continue
		}
		if !ok || cached.Revision != j.Revision || cached.Status != j.Status || cached.SandboxState != j.SandboxState {
			say("job %s is %s, %s, revision %d; cached (%v) is %s, %s, revision %d",
				j.ID, j.Status, j.SandboxState, j.Revision, ok, cached.Status, cached.SandboxState, cached.Revision)
		}
	}
	return rest, nil
}

// atRest reports whether a row and the truth about its sandbox are the same,
// and nothing runs.
func atRest(j job.Job, state e2bsim.State) bool {
	switch j.SandboxState {
	case job.SandboxNone, job.SandboxGone:
		return state == e2bsim.StateGone
	case job.SandboxPaused:
		return j.Status == job.Ready && state == e2bsim.StatePaused && j.SandboxPaused
	default:
		return false
	}
}

// longest is more time than anything may take to come to rest: a create whose
// answer was lost, two looks a grace apart, a wake, with a minute for each.
const longest = 45 * time.Minute

// Settle lets minute after minute pass, with what comes of each, until all has
// come to rest, and returns what is broken: at once what must never be, and at
// the end what has not come to rest.
func (s *System) Settle(ctx context.Context) (broken []string, err error) {
	var rest []string
	for range int(longest / time.Minute) {
		for _, step := range []func(context.Context) error{s.DeliverAll, s.Sweep, s.DeliverAll} {
			if err := step(ctx); err != nil {
				return nil, err
			}
		}
		if broken, err = s.Check(ctx); len(broken) > 0 || err != nil {
			return broken, err
		}
		if rest, err = s.unrest(ctx); len(rest) == 0 || err != nil {
			return nil, err
		}
		step, err := s.nextStep(ctx)
		if err != nil {
			return nil, err
		}
		if err := s.Pass(ctx, step); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// nextStep is a minute, or, while all that is awake is so by right, the time
// until that ends.
func (s *System) nextStep(ctx context.Context) (time.Duration, error) {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return 0, err
	}
	step := time.Hour
	for _, j := range jobs {
		switch {
		case j.Status.Terminal() && j.SandboxState != job.SandboxRunning && j.OpUntil.IsZero():
		case j.Status == job.Ready && j.SandboxState == job.SandboxRunning && !j.OpUntil.After(j.ReadAt):
			step = min(step, j.PauseDueAt.Sub(j.ReadAt))
		default:
			step = 0
		}
	}
	if step == time.Hour {
		step = 0
	}
	return max(step, time.Minute), nil
}
