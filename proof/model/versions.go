package model

import (
	"time"

	"siesta/shared/job"
)

var nobody = Answer{Code: 404}

// Delete gives up a version; one that is under way is cancelled first.
func (m *Model) Delete(j *Job) Answer {
	if !j.Deleted {
		m.recordDeleted(j)
	}
	killed := m.killDeleted(j)
	if !j.forgotten { // its code and log
		j.forgotten = true
		j.write()
	}
	if !killed {
		return Answer{Code: 202, RetryAfter: 5}
	}
	return Answer{Code: 204}
}

func (m *Model) recordDeleted(j *Job) {
	if !j.Status.Terminal() && !j.givesBack() {
		m.stop(j)
	}
	j.Deleted, j.PauseRefused = true, false
	if j.givesBack() {
		j.write()
		m.send("build", j, j.Turn, 0)
		return
	}
	if j.State != job.SandboxNone && j.State != job.SandboxMoved {
		if j.Gone.IsZero() {
			j.Gone = m.Now
		}
		j.State = job.SandboxGone
	}
	j.Expires, j.Op, j.Missing = time.Time{}, time.Time{}, time.Time{}
	j.write()
	if j.took() && j.Status == job.Ready && !j.From.Deleted {
		m.loseWith(j, false)
	}
}

// killDeleted reports whether nothing is left of a deleted version's sandbox.
func (m *Model) killDeleted(j *Job) bool {
	switch {
	case j.givesBack():
		return false
	case j.State == job.SandboxMoved:
		return true
	case j.Sandbox == nil:
		return j.createSent.IsZero() || m.Now.Sub(j.createSent) >= grace
	}
	if a := m.get(j.Sandbox); a != done && a != notFound {
		return false
	}
	a := m.end(j.Sandbox)
	return a == done || a == notFound
}

// Rebuild builds a version again, from its kept code. false: the job was there.
func (m *Model) Rebuild(from *Job) (*Job, bool, Answer) {
	switch {
	case from.Deleted:
		return nil, false, nobody
	case from.Status != job.Ready:
		return nil, false, notReady
	}
	return m.anew(from)
}

func (m *Model) anew(from *Job) (*Job, bool, Answer) {
	for _, j := range m.Jobs {
		if j.Rebuild && j.Base == from && !j.Status.Terminal() {
			if j.Status == job.Queued && j.Turn == 0 { // whoever asked may have got no further
				m.send("build", j, 0, 0)
			}
			return j, false, Answer{Code: 200, Says: string(j.Status)}
		}
	}
	j, a := m.Start()
	j.Base, j.Rebuild, j.bad = from, true, from.bad
	return j, true, a
}

// Restore makes a version the one that counts, or builds it again if it has no
// sandbox.
func (m *Model) Restore(j *Job) (*Job, bool, Answer) {
	switch {
	case j.Deleted:
		return nil, false, nobody
	case j.Status != job.Ready:
		return nil, false, notReady
	case !j.claims():
		return m.anew(j)
	}
	j.Current = m.Now
	j.write()
	return nil, false, Answer{Code: 200}
}
