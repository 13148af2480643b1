package model

import (
	"slices"
	"time"

	"siesta/shared/job"
)

// Reconcile is one run, rule by rule in its order.
func (m *Model) Reconcile() {
	for _, j := range m.Jobs {
		m.latePause(j)
	}
	for _, j := range m.Jobs {
		m.lateTurn(j)
	}
	for _, j := range m.Jobs {
		j.Behind = 0
	}
	m.lookAtList()
	m.lookAtRows()
}

func (m *Model) past(at time.Time) bool { return !at.IsZero() && at.Add(late).Before(m.Now) }

func (m *Model) latePause(j *Job) {
	overdue := j.State == job.SandboxRunning && m.past(j.Due)
	abandoned := (j.State == job.SandboxPausing || j.State == job.SandboxResuming) && m.past(j.Op)
	if j.Status == job.Ready && (overdue || abandoned) {
		m.askForPause(j, 0)
	}
}

func (m *Model) lateTurn(j *Job) {
	switch {
	case j.Status.Terminal() || !m.past(j.Lease):
	case !m.Now.After(j.Deadline):
		m.send("build", j, j.Turn, 0)
	default:
		j.fail()
		if j.Sandbox != nil && j.State != job.SandboxGone {
			m.look(j)
		}
	}
}

// lookAtList goes through what E2B has: what runs, then what sleeps.
func (m *Model) lookAtList() {
	for _, running := range []bool{true, false} {
		if m.list() != done {
			return
		}
		for _, s := range slices.Clone(m.Sandboxes) {
			if s.Running == running {
				m.judge(s)
			}
		}
	}
}

// judge acts on a listed sandbox that does not fit its row, once a second look
// says so, too.
func (m *Model) judge(s *Sandbox) {
	j := m.owner(s)
	if j != nil {
		m.seen(j)
	}
	if act := m.verdict(s, j); act != nil && m.get(s) == done {
		act()
	}
}

func (m *Model) owner(s *Sandbox) *Job {
	if s.Job != nil && s.Job.Sandbox == s {
		return s.Job
	}
	return nil
}

// verdict is what is to be done about a sandbox that its row, if any, does not
// account for.
func (m *Model) verdict(s *Sandbox, j *Job) func() {
	switch {
	case j != nil && j.Status == job.Failed:
		return func() { m.kill(j) }
	case j != nil && j.State == job.SandboxGone,
		j == nil && s.Job == nil && m.Now.Sub(s.Started) > grace,
		j == nil && s.Job != nil && (s.Job.Status == job.Failed || s.Job.Sandbox != nil || s.Create < s.Job.creates):
		return func() { m.end(s) }
	case j != nil && j.asleep() && s.Running && m.Now.Sub(j.pausedAt) > grace:
		return func() { m.woken(j) }
	default:
		return nil
	}
}

// woken takes back that a sandbox sleeps, which somebody outside woke.
func (m *Model) woken(j *Job) {
	j.State, j.Epoch, j.Due, j.Expires = job.SandboxRunning, j.Epoch+1, m.Now, j.Sandbox.End
	j.Op, j.Missing = time.Time{}, time.Time{}
	j.write()
	m.askForPause(j, 0)
}

// lookAtRows asks for the sandboxes that finished jobs claim: those missing for
// long first, then those awake, then those asleep.
func (m *Model) lookAtRows() {
	awake := func(j *Job) bool {
		return j.State == job.SandboxRunning || j.State == job.SandboxPausing || j.State == job.SandboxResuming
	}
	missing := func(j *Job) bool { return !j.Missing.IsZero() && m.Now.Sub(j.Missing) > grace }
	for _, group := range []func(*Job) bool{missing, awake, (*Job).asleep} {
		for _, j := range m.Jobs {
			if j.Status.Terminal() && group(j) {
				m.look(j)
			}
		}
	}
}

// look asks E2B for a row's sandbox.
func (m *Model) look(j *Job) {
	switch m.get(j.Sandbox) {
	case done:
		m.seen(j)
		if act := m.verdict(j.Sandbox, j); act != nil {
			act()
		}
	case notFound:
		m.missed(j)
	}
}

func (m *Model) seen(j *Job) {
	if j.Status.Terminal() && !j.Missing.IsZero() {
		j.Missing = time.Time{}
		j.write()
	}
}

// missed: E2B does not know a row's sandbox. It is gone if that was so a grace
// ago, and nothing happened since.
func (m *Model) missed(j *Job) {
	noted := j.missingAt == j.Revision
	switch {
	case !m.free(j):
	case noted && !j.Missing.IsZero() && m.Now.Sub(j.Missing) > grace:
		j.Op = time.Time{}
		j.gone()
	case !noted:
		j.Missing, j.missingAt = m.Now, j.Revision+1
		j.write()
	}
}
