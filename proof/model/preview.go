package model

import (
	"time"

	"siesta/shared/job"
)

// free reports whether nobody's call to E2B about a job's sandbox is under way.
func (m *Model) free(j *Job) bool { return !j.Op.After(m.Now) }

// Pause is one delivery of a pause message.
func (m *Model) Pause(d *Delivery) {
	j := d.Job
	due := j.State == job.SandboxRunning && !j.Due.After(m.Now)
	half := j.State == job.SandboxPausing || j.State == job.SandboxResuming
	switch {
	case j.Status != job.Ready, j.Epoch != d.Number, j.asleep(), j.State == job.SandboxGone:
		m.acknowledge(d)
	case !m.free(j):
		m.again(d, j.Op.Sub(m.Now)+time.Second, j.Op.Sub(m.Now)+2*time.Second)
	case due || half:
		m.pause(d, j)
	default:
		m.send("pause", j, j.Epoch, j.Due.Sub(m.Now))
		m.acknowledge(d)
	}
}

func (m *Model) pause(d *Delivery, j *Job) {
	j.State, j.Op, j.shared = job.SandboxPausing, m.Now.Add(opTime), false
	if j.Due.After(m.Now) {
		j.Due = m.Now
	}
	j.write()
	says, f := m.sleep(j.Sandbox)
	switch says {
	case unknown:
		m.again(d, opTime, opTime+2*time.Second)
		return
	case done:
		j.State, j.Op, j.Expires, j.Missing = job.SandboxPaused, time.Time{}, time.Time{}, time.Time{}
		j.pausedAt, j.PauseRefused = m.Now, false
	case refused:
		j.State, j.Op, j.PauseRefused = job.SandboxRunning, time.Time{}, true
		j.Due = m.Now.Add(rest)
		if j.Expires.After(j.Due) {
			j.Due = j.Expires
		}
	default:
		m.unanswered(j, says)
		j.write()
		m.retry(d, f)
		return
	}
	j.write()
	m.acknowledge(d)
}

// retry makes a message whose pause failed come back: when E2B said, else later
// each time, and before reconcile would send another.
func (m *Model) retry(d *Delivery, f Fault) {
	const last = 55 * time.Second
	if f.RetryAfter > 0 {
		wait := min(time.Duration(f.RetryAfter)*time.Second, last)
		m.again(d, wait, wait)
		return
	}
	most := min(5*time.Second<<(d.Receives-1), 110*time.Second)
	m.again(d, min(most/2, last), min(most, last)+time.Second)
}

// unanswered ends an operation that changed nothing at E2B. If E2B did not know
// the sandbox, what was known of that before goes on.
func (m *Model) unanswered(j *Job, says meaning) {
	j.Op = m.Now
	if says != notFound {
		return
	}
	if j.missingAt != j.Revision-1 || j.Missing.IsZero() {
		j.Missing = m.Now
	}
	j.missingAt = j.Revision + 1
}

// Resume wakes a preview.
func (m *Model) Resume(j *Job) Answer {
	soon := m.Now.Add(dueMargin)
	switch {
	case j.Deleted:
		return nobody
	case j.Status != job.Ready:
		return notReady
	case j.State == job.SandboxMoved:
		return moved(j.To)
	case j.State == job.SandboxGone:
		return expired
	case j.State == job.SandboxRunning && j.Due.After(soon) && j.Expires.After(soon) && m.has(j.Sandbox) && j.Sandbox.Running:
		return up
	case j.State == job.SandboxPausing && !m.free(j):
		return notYet
	case j.State == job.SandboxResuming && !j.Due.After(m.Now):
		if m.free(j) {
			m.sendPause(j, 0)
		}
		return unreachable
	case j.State == job.SandboxResuming && !m.free(j):
		j.shared = j.shared || !j.settled
	default:
		j.shared = j.State == job.SandboxRunning && !m.free(j)
		j.State, j.Epoch, j.Due = job.SandboxResuming, j.Epoch+1, m.Now.Add(Wake)
	}
	j.Op, j.settled = m.Now.Add(opTime), false
	j.write()
	return m.wake(j)
}

func (m *Model) wake(j *Job) Answer {
	running := j.Sandbox.Running
	says, _ := m.connect(j.Sandbox, wakeLife)
	j.settled = says == done
	if says == done && running { // when does it end? No answer is as good as one
		m.get(j.Sandbox)
		if !m.has(j.Sandbox) {
			says = unknown
		}
	}
	switch {
	case says == done:
		j.State, j.Due, j.Expires = job.SandboxRunning, m.Now.Add(Wake), m.Now.Add(wakeLife)
		j.Missing, j.PauseRefused = time.Time{}, false
		if !j.shared {
			j.Op = time.Time{}
		}
		j.write()
		j.Marker = j.Epoch
		j.write()
		m.sendPause(j, Wake)
		return up
	case says == unknown:
		j.write() // whoever asks next may wait for it
		m.sendPause(j, opTime)
		return notYet
	case j.shared: // the other's to end
		j.write()
		m.sendPause(j, j.Op.Sub(m.Now)+time.Second)
		return unreachable
	default:
		m.unanswered(j, says)
		j.write()
		m.sendPause(j, 0)
		return unreachable
	}
}
