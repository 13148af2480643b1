package e2bsim

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"
)

func (s *Server) timeout(_ context.Context, c *call) answer {
	var req struct {
		Timeout *int32 `json:"timeout"`
	}
	if f := c.decode(&req, false); f != nil {
		return f.answer()
	}
	if req.Timeout == nil || *req.Timeout < 0 {
		return fail(http.StatusBadRequest, "validation error: timeout must be at least 0").answer()
	}
	return s.setEnd(c, func(b *box) {
		s.extend(b, time.Duration(*req.Timeout)*time.Second)
	})
}

const (
	minRefresh = 15 * time.Second
	maxRefresh = 3600
)

func (s *Server) refresh(_ context.Context, c *call) answer {
	var req struct {
		Duration int32 `json:"duration"`
	}
	if f := c.decode(&req, true); f != nil {
		return f.answer()
	}
	if req.Duration < 0 || req.Duration > maxRefresh {
		return fail(http.StatusBadRequest, "validation error: duration must be between 0 and 3600").answer()
	}
	d := max(time.Duration(req.Duration)*time.Second, minRefresh)
	return s.setEnd(c, func(b *box) {
		if s.clock.Now().Add(d).After(b.end) {
			s.extend(b, d)
		}
	})
}

// setEnd changes when a running sandbox's time is over.
func (s *Server) setEnd(c *call, set func(*box)) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.boxes[c.id]
	if b == nil {
		return notFound(c.id).answer()
	}
	switch b.state {
	case StateRunning:
	case StatePausing, StateKilling:
		return inTransition().answer()
	default:
		return notFound(c.id).answer()
	}
	if s.pastMaxRun(b) {
		return fail(http.StatusBadRequest, "Max instance length exceeded").answer()
	}
	if !c.hollow() {
		set(b)
		s.note(b)
	}
	return ok(http.StatusNoContent, nil)
}

// checkTimeout refuses a timeout above the plan's.
func (s *Server) checkTimeout(d time.Duration) *failure {
	if limit := cmp.Or(s.Plan().MaxTimeout, hobbyRun); limit > 0 && d > limit {
		return fail(http.StatusBadRequest, fmt.Sprintf("Timeout cannot be greater than %g hours", limit.Hours()))
	}
	return nil
}

// extend gives a sandbox d from now, capped by the plan's longest run. The
// caller holds mu.
func (s *Server) extend(b *box, d time.Duration) {
	b.end = s.clock.Now().Add(d)
	if limit := cmp.Or(s.plan.MaxRun, hobbyRun); limit > 0 && b.end.After(b.started.Add(limit)) {
		b.end = b.started.Add(limit)
	}
}

func (s *Server) pastMaxRun(b *box) bool {
	limit := cmp.Or(s.plan.MaxRun, hobbyRun)
	return limit > 0 && !s.clock.Now().Before(b.started.Add(limit))
}
