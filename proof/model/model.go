// Package model says what Siesta must do, without a database, a queue or a
// process: the two state machines of a job, its sandbox as E2B has it, the messages
// on their way, and the versions that take a sandbox over from each other. Its tests play random histories on it and on the whole
// system, and compare the two after each step.
//
// It is written from docs/lifecycle.md, not from the functions, and uses none of
// their code, only the words of shared/job. It knows one step at a time: what
// several do at once is package race's, and what a crash leaves is package crash's.
package model

import (
	"slices"
	"time"

	"siesta/shared/job"
)

// The times of docs/lifecycle.md, and two settings that a history runs with.
const (
	lease     = 105 * time.Second
	opTime    = 120 * time.Second
	grace     = 5 * time.Minute
	late      = time.Minute      // before something counts as overdue
	mostAwake = 3 * time.Minute  // until reconcile asks for the same pause again
	mostIdle  = 10 * time.Minute // and for the same turn
	dueMargin = 30 * time.Second
	rest      = time.Hour // at the least, before a refused pause is asked for again
	deadline  = time.Hour
	giveUp    = 24 * time.Hour   // of what was taken, after so long at giving it back
	longest   = 15 * time.Minute // that a message can be put off

	PauseAfter = 1 * time.Minute
	Wake       = 20 * time.Minute // longer than a message can wait

	buildLife = 30*time.Minute + PauseAfter
	wakeLife  = Wake + 15*time.Minute
)

// Model is the whole system at one moment. Each method is one step.
type Model struct {
	Now       time.Time
	Jobs      []*Job
	Sandboxes []*Sandbox // those that E2B has
	Messages  []*Message
	Faults    []Fault // each for the next call of its kind

	lost []loss // sandboxes that E2B did not know in the present run of reconcile
}

// Job is a row. A zero time is not set.
type Job struct {
	ID      string
	Status  job.Status
	State   job.SandboxState
	Sandbox *Sandbox // nil: the row knows none

	Base *Job // the version that it starts from
	From *Job // the version whose sandbox it took
	To   *Job // the iteration that took its sandbox
	Kept bool // what is in it is copied aside: it may be changed

	Epoch, Marker, Turn int
	Revision            int64
	Behind              int64 // writes that the cache has not got yet
	PauseRefused        bool

	Lease, Op, Due, Expires, Missing, Deadline time.Time

	Failing       time.Time // since when it gives back what it took
	Current, Gone time.Time // when it became READY, and when its sandbox was given up

	Rebuild bool // it is its base built again
	Deleted bool // its user is told that it is not there

	bad        bool // its check fails
	forgotten  bool // of a deleted one nothing is stored any more
	shared     bool // a call of a wake without an answer may be under way
	settled    bool // the newest one has its answer
	claimed    bool // this turn was claimed before
	connected  bool // E2B has answered this turn's connect
	crashes    int
	creates    int
	createSent time.Time
	pausedAt   time.Time
	asked      time.Time // reconcile sent a message
	missingAt  int64     // the revision that noted the last 404
}

// write is a change of the row, which then goes to the cache.
func (j *Job) write() {
	j.Revision++
	j.Behind = 0
}

// claim is the one change that does not: it shows nothing new, and what the turn
// writes next goes there.
func (j *Job) claim() {
	j.Revision++
	j.Behind++
}

// Message is one in a queue. It becomes visible between two moments, which are
// the same once it has been seen.
type Message struct {
	ID       string
	Queue    string // build or pause, or the dead letters of either
	Job      *Job
	Number   int // the turn or the epoch that it is about
	Receives int

	Earliest, Latest time.Time
}

// Visible reports whether a message can be received.
func (m *Model) Visible(msg *Message) bool { return !msg.Earliest.After(m.Now) }

// send puts a message into a queue.
func (m *Model) send(queue string, j *Job, number int, delay time.Duration) {
	at := m.Now.Add(min(max(delay, 0), longest))
	m.Messages = append(m.Messages, &Message{Queue: queue, Job: j, Number: number, Earliest: at, Latest: at})
}

func (m *Model) sendPause(j *Job, delay time.Duration) { m.send("pause", j, j.Epoch, delay) }

// Delivery is a message as it was received once.
type Delivery struct {
	*Message
	Queue    string
	Receives int
}

// most is how often a message is received before it is a dead letter.
const most = 10

// Receive takes the first visible message of a queue; nil: there is none.
func (m *Model) Receive(queue string) *Delivery {
	slices.SortStableFunc(m.Messages, func(a, b *Message) int { return a.Earliest.Compare(b.Earliest) })
	for _, msg := range m.Messages {
		switch {
		case msg.Queue != queue || !m.Visible(msg):
		case msg.Receives >= most:
			msg.Queue = "dead " + queue
			msg.Earliest, msg.Latest = m.Now, m.Now
		default:
			msg.Receives++
			hidden := m.Now.Add(10 * time.Minute)
			msg.Earliest, msg.Latest = hidden, hidden
			return &Delivery{msg, queue, msg.Receives}
		}
	}
	return nil
}

// holds reports whether a delivery is the message's newest, so that what becomes
// of it becomes of the message.
func (m *Model) holds(d *Delivery) bool {
	return d.Queue == d.Message.Queue && d.Receives == d.Message.Receives && slices.Contains(m.Messages, d.Message)
}

func (m *Model) acknowledge(d *Delivery) {
	if m.holds(d) {
		m.Messages = slices.DeleteFunc(m.Messages, func(msg *Message) bool { return msg == d.Message })
	}
}

// again makes a message come back, after at least one time and at most another.
func (m *Model) again(d *Delivery, least, most time.Duration) {
	if m.holds(d) && d.Earliest.After(m.Now) {
		d.Earliest, d.Latest = m.Now.Add(least), m.Now.Add(most)
	}
}

// Pass lets time pass. E2B puts to sleep what has lived its time.
func (m *Model) Pass(d time.Duration) {
	m.Now = m.Now.Add(d)
	for _, s := range m.Sandboxes {
		if s.Running && !s.End.After(m.Now) {
			s.Running = false
		}
	}
}

// Edges are the moments ahead at which something becomes another thing to do.
func (m *Model) Edges() []time.Time {
	var all []time.Time
	add := func(at time.Time, after ...time.Duration) {
		for _, d := range append(after, 0) {
			if !at.IsZero() && at.Add(d).After(m.Now) {
				all = append(all, at.Add(d))
			}
		}
	}
	for _, j := range m.Jobs {
		add(j.Lease, late)
		add(j.Op, late)
		add(j.Due, late, -dueMargin)
		add(j.Expires, -dueMargin)
		add(j.Deadline)
		if !j.Failing.IsZero() {
			add(j.Failing.Add(giveUp))
		}
		add(j.askAgain(j.Lease, mostIdle))
		add(j.askAgain(j.Op, mostAwake))
		add(j.askAgain(j.Due, mostAwake))
		for _, at := range []time.Time{j.Missing, j.createSent, j.pausedAt} {
			add(at, grace)
		}
	}
	for _, s := range m.Sandboxes {
		if s.Running {
			add(s.End)
		}
		add(s.Started, grace)
	}
	for _, msg := range m.Messages {
		add(msg.Earliest)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}
