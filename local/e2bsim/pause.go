package e2bsim

import (
	"context"
	"net/http"
)

func (s *Server) pause(ctx context.Context, c *call) answer {
	var req struct {
		Memory *bool `json:"memory"`
	}
	if f := c.decode(&req, true); f != nil {
		return f.answer()
	}
	memory := req.Memory == nil || *req.Memory
	op, joined, f := s.joinPause(c, memory)
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

// joinPause begins a pause or finds the one under way. No operation and no
// failure: the call is hollow.
func (s *Server) joinPause(c *call, memory bool) (op *operation, joined bool, f *failure) {
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
		case c.hollow():
			return nil, false, nil
		}
		return s.beginPause(b, memory), false, nil
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

// beginPause puts a running sandbox to sleep. The caller holds mu.
func (s *Server) beginPause(b *box, memory bool) *operation {
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
		if !memory {
			s.killMachine(b)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		b.cold = b.cold || !memory
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
