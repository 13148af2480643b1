package model

import (
	"slices"
	"time"

	"siesta/shared/job"
)

// The times of a job that works in the sandbox of an earlier version.
const (
	takeAgain  = 2 * time.Second // while a call about the sandbox may be under way
	leastTries = 5 * time.Second
	mostTries  = 10 * time.Minute
	mostBacks  = 20 // turns that E2B answered
)

// Iterate accepts a job that starts from a version, and whose check finds something
// wrong, or does not.
func (m *Model) Iterate(from *Job, bad bool) (*Job, Answer) {
	has := from.State != job.SandboxNone && from.State != job.SandboxGone
	switch {
	case from.Deleted:
		return nil, nobody
	case from.Status == job.Failed:
		return nil, Answer{Code: 422}
	case from.Status != job.Ready:
		return nil, Answer{Code: 409, RetryAfter: 5}
	case has && from.State == job.SandboxMoved:
		return nil, moved(from.To)
	}
	for _, other := range m.Jobs {
		if other.Base == from && !other.Rebuild && !other.Status.Terminal() {
			return nil, moved(other)
		}
	}
	j, a := m.Start()
	j.Base, j.bad = from, bad
	return j, a
}

// moved says whose a version's sandbox is, or is about to be.
func moved(to *Job) Answer {
	a := Answer{Code: 409, Says: "moved", MovedTo: to.ID}
	if !to.Status.Terminal() {
		a.RetryAfter = 5
	}
	return a
}

// took reports whether a job works in a sandbox that it took from an earlier version.
func (j *Job) took() bool { return j.From != nil }

// givesBack reports whether a job has failed and has still to give back what it took.
func (j *Job) givesBack() bool { return !j.Failing.IsZero() }

// let is what a row has that has no claim on its sandbox.
func (j *Job) let() {
	j.Expires, j.Op, j.Due, j.shared = time.Time{}, time.Time{}, time.Time{}, false
}

// takeOver gives the sandbox of a version to the job that starts from it; without
// one, the job gets its own. Nobody else can have taken it: of one version no two are
// accepted at a time.
func (m *Model) takeOver(j *Job) time.Duration {
	from := j.Base
	switch {
	case from.Deleted, from.State == job.SandboxGone:
		return 0
	case from.State != job.SandboxPaused && from.State != job.SandboxRunning && !m.free(from):
		return takeAgain
	}
	j.From, j.Sandbox, j.State = from, from.Sandbox, job.SandboxRunning
	j.Epoch, j.Marker = from.Epoch+1, from.Marker
	if from.State == job.SandboxRunning { // somebody may be looking, and a call may be under way
		j.Expires, j.Due, j.Op = from.Expires, from.Due, from.Op
	}
	j.write()
	from.State, from.To, from.Epoch, from.Missing = job.SandboxMoved, j, from.Epoch+1, time.Time{}
	from.let()
	from.write()
	return 0
}

// startAnew goes on without a sandbox that was lost before anything in it was changed.
func (m *Model) startAnew(j *Job) (time.Duration, meaning) {
	s := j.Sandbox
	m.loseWith(j, true)
	j.From, j.Sandbox, j.State, j.Marker, j.Missing = nil, nil, job.SandboxNone, 0, time.Time{}
	j.let()
	j.write()
	m.end(s)
	return m.first(j)
}

// settle makes of the end of a turn what it is for a job in a sandbox that it took:
// nobody kills that.
func (m *Model) settle(j *Job, wait time.Duration, a meaning, slow Slow) (time.Duration, meaning) {
	switch {
	case a == lost:
		return m.lose(j)
	case a == refused:
		m.failing(j)
		return m.giveBack(j, slow)
	}
	return wait, a
}

func (m *Model) failing(j *Job) {
	j.Failing, j.crashes = m.Now, 0
	j.write()
}

// giveBack puts back what was changed, and the version that had the sandbox in its
// place.
func (m *Model) giveBack(j *Job, slow Slow) (time.Duration, meaning) {
	if !j.Kept {
		return m.handBack(j)
	}
	if j.crashes >= mostBacks {
		return m.lose(j)
	}
	if !j.connected {
		switch wait, a := m.reach(j); {
		case a == lost:
			return m.lose(j)
		case a == refused:
			return m.patience(j, leastTries), done
		case a != done:
			return 0, a
		case wait > 0:
			return m.patience(j, wait), done
		}
	}
	if slow.GivesBack {
		return slow.Wait, done
	}
	return m.handBack(j)
}

// patience is how long to wait before it is tried again to give back.
func (m *Model) patience(j *Job, least time.Duration) time.Duration {
	return min(max(m.Now.Sub(j.Failing)/2, least), mostTries)
}

func (m *Model) handBack(j *Job) (time.Duration, meaning) {
	from, until := j.From, j.Op
	if from.Deleted {
		return m.lose(j)
	}
	from.State, from.To, from.Epoch, from.Expires = job.SandboxRunning, nil, j.Epoch+1, j.Expires
	if from.Due = j.Due; from.Due.Before(m.Now) {
		from.Due = m.Now
	}
	if j.Kept {
		from.Marker = j.Marker
	} else if j.Lease.After(until) { // a connect may be under way
		until = j.Lease
	}
	if until.After(m.Now) {
		from.Op = until
	}
	from.write()
	j.State, j.Sandbox, j.Failing = job.SandboxMoved, nil, time.Time{}
	j.let()
	j.fail()
	m.sendPause(from, from.Due.Sub(m.Now))
	return 0, over
}

// lose ends a job that cannot give back what it took: that is gone for both.
func (m *Model) lose(j *Job) (time.Duration, meaning) {
	m.loseBoth(j)
	m.end(j.Sandbox)
	return 0, over
}

func (m *Model) loseBoth(j *Job) {
	m.loseWith(j, false)
	j.Failing, j.State, j.Gone = time.Time{}, job.SandboxGone, m.Now
	j.let()
	j.fail()
}

// loseWith gives up the version that a job took its sandbox from. alone: that one, and
// not the job, goes on naming it.
func (m *Model) loseWith(j *Job, alone bool) {
	if from := j.From; from.To == j && from.State == job.SandboxMoved {
		from.State, from.To, from.Gone, from.Missing = job.SandboxGone, nil, m.Now, time.Time{}
		if !alone {
			from.Sandbox = nil
		}
		from.let()
		from.write()
	}
}

// owner is the job that has a sandbox, or else had it last.
func (m *Model) owner(s *Sandbox) *Job {
	var had *Job
	for _, j := range m.Jobs {
		switch {
		case j.Sandbox != s || j.State == job.SandboxMoved:
		case j.State != job.SandboxGone:
			return j
		case had == nil:
			had = j
		}
	}
	return had
}

// claims reports whether a row has a sandbox, as far as it knows.
func (j *Job) claims() bool {
	return !slices.Contains([]job.SandboxState{job.SandboxNone, job.SandboxMoved, job.SandboxGone}, j.State)
}
