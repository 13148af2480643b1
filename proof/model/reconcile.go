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
	m.examineList()
	m.examineRows()
}

// overdue reports whether something has been left for a minute since a moment,
// and whether it is time to ask for it: after as long again as the last time, or
// the most.
func (m *Model) overdue(j *Job, since time.Time, most time.Duration) (overdue, ask bool) {
	if since.IsZero() || m.Now.Sub(since) <= late {
		return false, false
	}
	return true, !m.Now.Before(j.askAgain(since, most))
}

// askAgain is when a message may be sent for what has been left since a moment.
func (j *Job) askAgain(since time.Time, most time.Duration) time.Time {
	if !j.asked.After(since) {
		return since
	}
	return j.asked.Add(min(j.asked.Sub(since), most))
}

func (m *Model) latePause(j *Job) {
	if j.Status != job.Ready {
		return
	}
	since := time.Time{}
	switch j.State {
	case job.SandboxRunning:
		since = j.Due
	case job.SandboxPausing, job.SandboxResuming:
		since = j.Op
	}
	if _, ask := m.overdue(j, since, mostAwake); ask {
		m.sendPause(j, 0)
		j.asked = m.Now
	}
}

func (m *Model) lateTurn(j *Job) {
	overdue, ask := m.overdue(j, j.Lease, mostIdle)
	switch {
	case j.Status.Terminal() || !overdue:
	case j.givesBack() && ask && m.Now.Sub(j.Failing) > giveUp:
		m.loseBoth(j)
		m.look(j)
	case j.Status == job.Queued || j.givesBack() || !m.Now.After(j.Deadline):
		if ask {
			m.send("build", j, j.Turn, 0)
			j.asked = m.Now
		}
	case j.took():
		m.failing(j)
		m.send("build", j, j.Turn, 0)
	default:
		j.fail()
		if j.Sandbox != nil && j.State != job.SandboxGone {
			m.look(j)
		}
	}
}

// examineList goes through what E2B has: what runs, then what sleeps.
func (m *Model) examineList() {
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
	m.sendPause(j, 0)
}

// examineRows asks for the sandboxes that finished jobs claim: those missing for
// long first, then those awake, then those asleep.
func (m *Model) examineRows() {
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
	m.believe()
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

// missed: E2B does not know a row's sandbox. What is noted already may be lost.
func (m *Model) missed(j *Job) {
	if j.missingAt == j.Revision || !m.free(j) || !j.claims() {
		m.lost = append(m.lost, loss{j, j.Revision})
		return
	}
	j.Missing, j.missingAt = m.Now, j.Revision+1
	j.write()
}

// loss is a sandbox that E2B does not know, by its row as it was read.
type loss struct {
	*Job
	read int64
}

// believe takes a sandbox for gone that was missing a grace ago, too, if nothing
// happened since.
func (m *Model) believe() {
	for _, l := range m.lost {
		if j := l.Job; m.free(j) && j.claims() && l.read == j.Revision && j.missingAt == j.Revision && !j.Missing.IsZero() && m.Now.Sub(j.Missing) > grace {
			j.Op = time.Time{}
			m.gone(j)
		}
	}
	m.lost = nil
}
