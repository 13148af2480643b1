package model

import (
	"time"

	"siesta/shared/job"
)

// Answer is what a user is told: an HTTP status, the word that says what it
// means, when to come back, and whose the sandbox is that has moved.
type Answer struct {
	Code       int
	Says       string
	RetryAfter int // seconds
	MovedTo    string
}

var (
	notReady    = Answer{Code: 422}
	expired     = Answer{Code: 503, Says: "sandbox_expired"}
	unreachable = Answer{Code: 503, Says: "sandbox_unreachable", RetryAfter: 5}
	notYet      = Answer{Code: 202, Says: "resuming", RetryAfter: 2}
	up          = Answer{Code: 200, Says: "ready"}
)

// Start accepts a job.
func (m *Model) Start() (*Job, Answer) {
	j := &Job{Status: job.Queued, State: job.SandboxNone, Revision: 1, Lease: m.Now, Deadline: m.Now.Add(deadline)}
	m.Jobs = append(m.Jobs, j)
	m.send("build", j, 0, 0)
	return j, Answer{Code: 201, Says: "queued"}
}

// Snapshot asks for a pause now.
func (m *Model) Snapshot(j *Job) Answer {
	switch {
	case j.Deleted:
		return nobody
	case j.Status != job.Ready:
		return notReady
	case j.State == job.SandboxMoved:
		return moved(j.To)
	case j.State == job.SandboxRunning:
		j.Due = m.Now
		j.write()
		m.sendPause(j, 0)
		return Answer{Code: 202}
	case j.State == job.SandboxPausing:
		return Answer{Code: 202}
	case j.State == job.SandboxPaused:
		return Answer{Code: 200, Says: "paused"}
	case j.State == job.SandboxResuming:
		return Answer{Code: 409, RetryAfter: 2}
	default:
		return expired
	}
}

// Cancel ends a job that has not ended.
func (m *Model) Cancel(j *Job) Answer {
	switch {
	case j.Deleted:
		return nobody
	case j.Status.Terminal(), j.givesBack():
		return Answer{Code: 409}
	}
	m.stop(j)
	if j.givesBack() {
		m.send("build", j, j.Turn, 0)
	} else if j.State == job.SandboxRunning {
		if a := m.get(j.Sandbox); a == done || a == notFound {
			m.kill(j)
		}
	}
	return Answer{Code: 200, Says: "cancelled"}
}

// stop ends a job, or makes its builder give back what it took.
func (m *Model) stop(j *Job) {
	if !j.took() {
		j.fail()
		return
	}
	if !j.claimed { // nobody is at work
		j.Lease = m.Now
	}
	m.failing(j)
}

func (j *Job) fail() {
	j.Status, j.Lease, j.Missing = job.Failed, time.Time{}, time.Time{}
	j.write()
}

// kill ends a failed job's sandbox, and says so in the row once E2B did.
func (m *Model) kill(j *Job) {
	if a := m.end(j.Sandbox); a != done && a != notFound {
		return
	}
	if j.State != job.SandboxGone {
		m.gone(j)
	}
}

func (m *Model) gone(j *Job) {
	j.State, j.Gone, j.Expires, j.Missing = job.SandboxGone, m.Now, time.Time{}, time.Time{}
	j.write()
}
