package promises

import (
	"fmt"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// Promise is one of those that the project makes.
type Promise string

// The promises.
const (
	Ends    Promise = "every job ends"
	Alone   Promise = "a job has one sandbox, and a sandbox has a job"
	Asleep  Promise = "nothing runs without use"
	Agree   Promise = "row, cache and E2B say the same"
	Handled Promise = "every message is handled"
)

// Broken is a promise that does not hold, and for people what shows it.
type Broken struct {
	Promise
	Text string
}

// Texts are what shows that promises are broken, for people.
func Texts(broken []Broken) (all []string) {
	for _, b := range broken {
		all = append(all, b.Text)
	}
	return all
}

// list gathers what is broken.
type list []Broken

func (l *list) add(p Promise, format string, args ...any) {
	*l = append(*l, Broken{p, fmt.Sprintf(format, args...)})
}

// Overrun is how long a sandbox may run past its due time at the most, as
// docs/lifecycle.md states it: until reconcile notices that the pause is late,
// until its next run, and until the call of a dead owner is over.
const Overrun = job.ReconcileAfter + time.Minute + job.OpTime

// Meddled is what somebody else than Siesta did to its sandboxes, by their ids.
type Meddled struct {
	Woken    map[string]bool // somebody outside woke these
	Lost     map[string]bool // E2B lost these
	TimedOut bool            // E2B put some to sleep, as their time was up
	Killing  bool            // kills take their time, and may be given up by who asked for them
}

// Never tells what must not be at any moment, whatever has crashed.
func (v View) Never(m Meddled) (broken []Broken) {
	l := (*list)(&broken)
	owned := map[string][]string{}
	for _, sandbox := range v.Sandboxes {
		if sandbox.State != e2bsim.StateGone && !(m.Killing && sandbox.State == e2bsim.StateKilling) {
			owner := sandbox.Metadata[job.TagJob]
			owned[owner] = append(owned[owner], sandbox.ID)
		}
	}
	for id, sandboxes := range owned {
		if len(sandboxes) > 1 {
			l.add(Alone, "job %s has %d sandboxes: %v", id, len(sandboxes), sandboxes)
		}
	}
	v.oneOwner(l)
	for _, j := range v.Jobs {
		state, lie := v.state(j), false
		switch {
		case j.SandboxPaused:
			lie = state != e2bsim.StatePaused && !m.Woken[j.SandboxID] && !m.Lost[j.SandboxID]
		case j.SandboxState == job.SandboxRunning:
			// What was taken asleep may still be, until a connect, or for good if it was
			// given back without one.
			lie = state == e2bsim.StatePaused && !m.TimedOut && !j.Took() && !v.tried(j)
		}
		if lie {
			l.add(Agree, "job %s says %s, its sandbox %s is %s", j.ID, j.SandboxState, j.SandboxID, state)
		}
	}
	return broken
}

// oneOwner tells which sandboxes more than one row claims, or none of those that
// have moved. Of one that was deleted, whoever it moved to may be deleted, too, and the
// sandbox about to go.
func (v View) oneOwner(l *list) {
	owners := map[string][]string{}
	for _, j := range v.Jobs {
		if has(j) {
			owners[j.SandboxID] = append(owners[j.SandboxID], j.ID)
		}
	}
	for id, jobs := range owners {
		if len(jobs) > 1 {
			l.add(Alone, "sandbox %s has %d jobs: %v", id, len(jobs), jobs)
		}
	}
	for _, j := range v.Jobs {
		if j.SandboxState == job.SandboxMoved && j.DeletedAt.IsZero() && len(owners[j.SandboxID]) == 0 && v.state(j) != e2bsim.StateGone {
			l.add(Alone, "the sandbox %s of job %s has moved to nobody", j.SandboxID, j.ID)
		}
	}
}

// Overdue tells which sandboxes run for nothing for longer than most.
func (v View) Overdue(most time.Duration) (broken []Broken) {
	l := (*list)(&broken)
	for _, sandbox := range v.Sandboxes {
		if sandbox.State == e2bsim.StatePaused || sandbox.State == e2bsim.StateGone {
			continue
		}
		j, known := v.owner(sandbox)
		if over := v.over(sandbox, j, known); over > most {
			l.add(Asleep, "sandbox %s runs %s past its time: job %s (%s), state %s", sandbox.ID, over.Round(time.Second), j.ID, j.Status, j.SandboxState)
		}
	}
	return broken
}

// over is for how long nobody has had a use for a sandbox that runs. The
// simulator's clock may be ahead of the database's, so each is read by itself.
func (v View) over(sandbox e2bsim.Info, j job.Job, known bool) time.Duration {
	age, awake := v.Now.Sub(sandbox.CreatedAt), v.Now.Sub(sandbox.StartedAt)
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
