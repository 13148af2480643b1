package e2bsim

import (
	"context"
	"sync/atomic"
	"time"
)

// State is where a sandbox really is. E2B's API shows less: see view.
type State string

const (
	StateBooting  State = "booting"  // being created; the API does not know it yet
	StateRunning  State = "running"  //
	StatePausing  State = "pausing"  // frozen, snapshot being made; billed, holds a slot
	StatePaused   State = "paused"   // no process runs
	StateResuming State = "resuming" // on its way up; not billed yet
	StateKilling  State = "killing"  //
	StateGone     State = "gone"     // nothing leads out
)

// box is one sandbox. What follows the blank line changes, under Server.mu.
type box struct {
	id, templateID, alias      string
	accessToken                string // empty: not secured
	metadata, env              map[string]string
	autoPause, autoPauseMemory bool
	autoResume                 bool
	createTimeout              time.Duration
	createdAt                  time.Time
	dir                        string

	state    State
	op       *operation // the transition under way
	machine  Machine    // nil while no process exists
	run      int        // counts boots and resumes
	cold     bool       // the create call's environment was lost with the memory
	started  time.Time  // of the current run
	end      time.Time  // running: when its time is over; paused: when it was paused
	snapshot bool       // a pause ended well, so E2B can bring that state back
	kept     sleep      // how that pause was
	pausedAt time.Time  // of that snapshot
	copies   []snapshot // of files, oldest first
	billed   time.Duration
	since    time.Time // of the current state
	pauses   int
	history  []view
}

// view is what E2B's API shows of a sandbox from a moment on.
type view struct {
	at           time.Time
	state        State // StateRunning, StatePaused, or empty: not found
	started, end time.Time
}

// visible is the state that the API shows: pausing and resuming count as
// paused, and what boots or is being killed is not found, unless an older
// snapshot stands in for it.
func (b *box) visible() State {
	switch b.state {
	case StateRunning:
		return StateRunning
	case StatePausing, StatePaused, StateResuming:
		return StatePaused
	case StateKilling:
		if b.snapshot {
			return StatePaused
		}
	}
	return ""
}

func (st State) billed() bool { return st == StateRunning || st == StatePausing }

// busy reports whether the state holds a slot of the concurrency limit.
func (st State) busy() bool {
	return st != StatePaused && st != StateGone
}

// resting reports whether no transition is under way.
func (st State) resting() bool {
	return st == StateRunning || st == StatePaused || st == StateGone
}

// historyLength bounds what a lagging list can look back on.
const historyLength = 64

// note records what the API shows now. The caller holds mu.
func (s *Server) note(b *box) {
	b.history = append(b.history, view{s.clock.Now(), b.visible(), b.started, b.end})
	if extra := len(b.history) - historyLength; extra > 0 {
		b.history = append(b.history[:0], b.history[extra:]...)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// move changes the state, keeps the bill and wakes those who wait for it. The
// caller holds mu.
func (s *Server) move(b *box, to State) {
	now := s.clock.Now()
	if b.state.billed() {
		b.billed += now.Sub(b.since)
	}
	b.state, b.since = to, now
	if to.resting() {
		b.op = nil
		if to != StateGone {
			s.save(b)
		}
	}
	s.note(b)
}

// viewAt returns what the API showed of b at t.
func (b *box) viewAt(t time.Time) view {
	for i := len(b.history) - 1; i >= 0; i-- {
		if v := b.history[i]; !v.at.After(t) {
			return v
		}
	}
	return view{}
}

// operation is a transition under way. Several calls may wait for one.
type operation struct {
	done    chan struct{}
	err     *failure    // read after done
	evicted bool        // begun by the sandbox's timeout, not by a call
	doomed  atomic.Bool // a pause whose caller went away and that will not survive it
}

// wait returns the operation's failure, or one of its own when ctx ends first.
func (op *operation) wait(ctx context.Context) *failure {
	select {
	case <-op.done:
		return op.err
	case <-ctx.Done():
		return fail(500, "request timed out")
	}
}

// begin starts a transition, which goes on whatever becomes of the caller. The
// caller holds mu; run does not, and must leave b in a resting state.
func (s *Server) begin(b *box, to State, run func(*operation) *failure) *operation {
	op := &operation{done: make(chan struct{})}
	b.op = op
	s.move(b, to)
	s.work.Go(func() {
		op.err = run(op)
		close(op.done)
	})
	return op
}

// watch notices a machine that ends by itself: its sandbox vanishes, down to
// the older snapshot if there is one.
func (s *Server) watch(b *box, m Machine) {
	s.work.Go(func() {
		select {
		case <-m.Done():
		case <-s.closing.Done():
		}
		for s.closing.Err() == nil {
			s.mu.Lock()
			op := b.op
			switch {
			case b.machine != m:
				op = nil
			case op != nil:
			case b.state == StatePaused:
				b.machine = nil // its files are safe, as a snapshot's would be
			default:
				s.beginKill(b, true)
			}
			s.mu.Unlock()
			if op == nil {
				return
			}
			<-op.done
		}
	})
}
