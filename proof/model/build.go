package model

import (
	"time"

	"siesta/shared/job"
)

// Build is one delivery of a build message: one turn. slow is how long the next
// turn is to wait because the app was not up within this one, which only the
// machine decides.
func (m *Model) Build(d *Delivery, slow time.Duration) {
	j := d.Job
	switch {
	case j.Status == job.Ready && j.State == job.SandboxRunning && !j.Due.After(m.Now):
		m.sendPause(j, 0)
		m.acknowledge(d)
		return
	case j.Status.Terminal(), d.Number < j.Turn:
		m.acknowledge(d)
		return
	case j.Lease.After(m.Now):
		m.again(d, j.Lease.Sub(m.Now)+time.Second, j.Lease.Sub(m.Now)+2*time.Second)
		return
	}
	if j.claimed {
		j.crashes++
	}
	j.claimed, j.Lease = true, m.Now.Add(lease)
	j.claim()
	switch wait, a := m.turn(j, slow); {
	case a == refused:
		j.fail()
		if j.Sandbox != nil {
			m.kill(j)
		}
	case a == unknown: // the lease runs out
		m.again(d, lease, lease+2*time.Second)
		return
	case wait > 0:
		j.Turn, j.claimed, j.Lease = j.Turn+1, false, m.Now.Add(wait-time.Second)
		j.write()
		m.send("build", j, j.Turn, wait)
	default:
		j.Status, j.Lease, j.Missing = job.Ready, time.Time{}, time.Time{}
		j.Due = m.Now.Add(PauseAfter)
		j.write()
		m.sendPause(j, PauseAfter)
	}
	m.acknowledge(d)
}

// The times between two turns.
const (
	lookAgain    = 15 * time.Second
	crowded      = 30 * time.Second
	missingAgain = time.Minute
)

// turn says how long to wait for the next one, 0 when the job is READY; or that
// the job fails, or that an answer did not come.
func (m *Model) turn(j *Job, slow time.Duration) (time.Duration, meaning) {
	if j.crashes > 5 {
		return 0, refused
	}
	if j.Status == job.Queued {
		j.Status, j.Deadline = job.Starting, m.Now.Add(deadline)
		j.write()
	}
	if m.Now.After(j.Deadline) {
		return 0, refused
	}
	if wait, a := m.obtain(j); wait > 0 || a != done {
		return wait, a
	}
	j.Marker = j.Epoch
	j.write()
	if slow > 0 {
		j.Status = job.Checks
		return slow, done
	}
	return 0, done
}

// obtain leaves a job with its sandbox: that of the row, else that of an earlier
// create call, else a new one.
func (m *Model) obtain(j *Job) (time.Duration, meaning) {
	if j.Sandbox == nil && j.creates > 0 {
		if m.list() != done {
			return lookAgain, done
		}
		if s := m.tagged(j); s != nil {
			m.give(j, s)
		} else if !j.createSent.IsZero() && m.Now.Sub(j.createSent) < grace {
			return lookAgain, done
		}
	}
	if j.Sandbox == nil {
		return m.first(j)
	}
	return m.reach(j)
}

// first creates a sandbox.
func (m *Model) first(j *Job) (time.Duration, meaning) {
	j.creates++
	j.createSent = m.Now
	j.write()
	s, says, f := m.create(j)
	switch says {
	case done:
		m.give(j, s)
	case refused, later:
		j.createSent = time.Time{}
		j.write()
		if says == later {
			return max(crowded, time.Duration(f.RetryAfter)*time.Second), done
		}
	}
	return 0, says
}

func (m *Model) give(j *Job, s *Sandbox) {
	j.Sandbox, j.State, j.Epoch, j.Status = s, job.SandboxRunning, j.Epoch+1, job.Scaffold
	j.Expires, j.createSent = m.Now.Add(buildLife), time.Time{}
	j.write()
}

// reach connects to the row's sandbox.
func (m *Model) reach(j *Job) (time.Duration, meaning) {
	says, f := m.connect(j.Sandbox, buildLife)
	switch says {
	case done:
		j.Epoch, j.Expires, j.Missing = j.Epoch+1, m.Now.Add(buildLife), time.Time{}
		j.write()
	case notFound:
		if !j.Missing.IsZero() && m.Now.Sub(j.Missing) > grace {
			return 0, refused
		}
		if j.Missing.IsZero() {
			j.Missing = m.Now
		}
		j.write()
		return missingAgain, done
	case failed:
		return 0, unknown
	case later:
		return max(crowded, time.Duration(f.RetryAfter)*time.Second), done
	}
	return 0, says
}
