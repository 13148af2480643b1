package e2bsim

import (
	"context"
	"net/http"
)

func (s *Server) pause(ctx context.Context, c *call) answer {
	var req struct {
		Memory              *bool `json:"memory"`
		RequireHealthyGuest bool  `json:"requireHealthyGuest"`
	}
	if f := c.decode(&req, true); f != nil {
		return f.answer()
	}
	how := sleep{filesOnly: req.Memory != nil && !*req.Memory, hung: c.fault.is(HungGuest)}
	op, joined, f := s.joinPause(c, how, req.RequireHealthyGuest)
	if f != nil {
		return f.answer()
	}
	if op == nil {
		return ok(http.StatusNoContent, nil)
	}
	if joined {
		s.calls.record(s, c, Waiting, 0)
	}
	if f = op.wait(ctx); f != nil {
		if ctx.Err() != nil && c.fault.is(Fragile) {
			op.doomed.Store(true)
		}
		return f.answer()
	}
	return ok(http.StatusNoContent, nil)
}

// sleep says how a sandbox is paused.
type sleep struct {
	filesOnly bool // no memory is kept
	hung      bool // its daemon does not answer
}

// joinPause begins a pause or finds the one under way. A hung guest is noted on
// the snapshot, unless the caller wants it healthy; a pause that keeps no memory
// needs the guest's help. No operation and no failure: the call is hollow.
func (s *Server) joinPause(c *call, how sleep, healthy bool) (op *operation, joined bool, f *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.boxes[c.id]
	if b == nil {
		return nil, false, notFound(c.id)
	}
	switch b.state {
	case StateRunning:
		switch {
		case s.plan.RefusePause:
			return nil, false, fail(http.StatusForbidden, "Pausing sandboxes is not available on your plan")
		case how.hung && (healthy || how.filesOnly):
			return nil, false, guestUnresponsive(b.id)
		case c.hollow():
			return nil, false, nil
		}
		return s.beginPause(b, how), false, nil
	case StatePausing:
		return b.op, true, nil
	case StatePaused, StateResuming:
		return nil, false, alreadyPaused(b.id)
	case StateKilling:
		if b.snapshot {
			return nil, false, alreadyPaused(b.id)
		}
	}
	return nil, false, notFound(c.id)
}

func alreadyPaused(id string) *failure {
	return fail(http.StatusConflict, "Error pausing sandbox - sandbox '"+id+"' is already paused")
}

// guestUnresponsive refuses a pause for now; the sandbox runs on.
func guestUnresponsive(id string) *failure {
	return &failure{Code: http.StatusServiceUnavailable, retryAfter: 1,
		Message: "Error pausing sandbox - the guest agent of sandbox '" + id + "' does not respond, try again later"}
}

// beginPause puts a running sandbox to sleep. The caller holds mu.
func (s *Server) beginPause(b *box, how sleep) *operation {
	return s.begin(b, StatePausing, func(op *operation) *failure {
		b.machine.CloseConnections()
		err := b.machine.Freeze()
		s.sleep(s.closing, s.cfg.PauseLatency)
		if err == nil && s.copiesNeeded(b) {
			err = keepCopy(b)
		}
		if err != nil || op.doomed.Load() {
			s.fallBack(b)
			return fail(http.StatusInternalServerError, "Error pausing sandbox")
		}
		if how.filesOnly {
			s.killMachine(b)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		b.cold = b.cold || how.filesOnly
		b.kept = how
		b.snapshot, b.pausedAt, b.end = true, s.clock.Now(), s.clock.Now()
		b.pauses++
		s.move(b, StatePaused)
		return nil
	})
}

// copiesNeeded reports whether somebody may want this pause's files back.
func (s *Server) copiesNeeded(b *box) bool {
	return !b.autoPause || s.cfg.KeepSnapshots || s.faults.armed()
}
