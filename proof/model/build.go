package model

import (
	"time"

	"siesta/shared/job"
)

// Slow is how far a turn came that left to the next one what a sandbox had not done
// yet, which only the machine decides. Zero: all was done.
type Slow struct {
	Wait      time.Duration // until the next turn
	Status    job.Status    // what the job was at
	GivesBack bool          // it was giving back
}

// Build is one delivery of a build message: one turn.
func (m *Model) Build(d *Delivery, slow Slow) {
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
	if j.claimed && !j.givesBack() {
		j.crashes++
	}
	j.claimed, j.connected, j.Lease = true, false, m.Now.Add(lease)
	j.claim()
	wait, a := m.turn(j, slow)
	if j.took() {
		wait, a = m.settle(j, wait, a, slow)
	}
	switch {
	case a == over:
	case a == refused || a == lost:
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
		j.Current = m.Now
		if due := m.Now.Add(PauseAfter); due.After(j.Due) {
			j.Due = due
		}
		if !j.Op.After(m.Now) {
			j.Op = time.Time{}
		}
		j.write()
		m.sendPause(j, j.Due.Sub(m.Now))
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
// the job fails, or that an answer did not come, or that all is over.
func (m *Model) turn(j *Job, slow Slow) (time.Duration, meaning) {
	if j.givesBack() {
		return m.giveBack(j, slow)
	}
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
	if j.Status == job.Scaffold && !j.took() && j.Base != nil && j.Base.Deleted {
		return 0, refused // the code to begin with is no longer kept
	}
	if slow.Wait > 0 && !slow.GivesBack {
		j.Status = slow.Status
		j.Kept = j.took() && j.Status != job.Starting
		return slow.Wait, done
	}
	j.Status, j.Kept = job.Checks, j.took()
	if j.bad {
		return 0, refused
	}
	return 0, done
}

// obtain leaves a job with its sandbox: that of the row, else that of the version
// that it starts from, else that of an earlier create call, else a new one.
func (m *Model) obtain(j *Job) (time.Duration, meaning) {
	if j.Sandbox == nil && j.Base != nil && !j.Rebuild && j.creates == 0 {
		if wait := m.takeOver(j); wait > 0 {
			return wait, done
		}
	}
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
	wait, a := m.reach(j)
	if a == lost && j.took() && !j.Kept {
		return m.startAnew(j)
	}
	return wait, a
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
		m.mark(j)
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
		if j.givesBack() {
			j.crashes++
		}
		j.write()
		m.mark(j)
	case notFound:
		if !j.Missing.IsZero() && m.Now.Sub(j.Missing) > grace {
			return 0, lost
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

// mark: E2B has answered, and the sandbox now says under which epoch.
func (m *Model) mark(j *Job) {
	j.connected, j.Marker = true, j.Epoch
	j.write()
}
