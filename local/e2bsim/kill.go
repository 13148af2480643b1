package e2bsim

import (
	"context"
	"net/http"
	"os"
)

func (s *Server) kill(ctx context.Context, c *call) answer {
	if c.hollow() {
		return ok(http.StatusNoContent, nil)
	}
	if f := s.destroy(ctx, c.id, false); f != nil {
		return f.answer()
	}
	return ok(http.StatusNoContent, nil)
}

// destroy ends a sandbox, after the transition that it may be in. With
// keepSnapshot it falls back to the state of its last pause, if there was one.
func (s *Server) destroy(ctx context.Context, id string, keepSnapshot bool) *failure {
	for {
		s.mu.Lock()
		b := s.boxes[id]
		if b == nil || b.state == StateGone {
			s.mu.Unlock()
			return notFound(id)
		}
		op := b.op
		if op == nil {
			op = s.beginKill(b, keepSnapshot)
			s.mu.Unlock()
			return op.wait(ctx)
		}
		s.mu.Unlock()
		if f := op.wait(ctx); f != nil {
			return f
		}
	}
}

// beginKill ends a resting sandbox. The caller holds mu.
func (s *Server) beginKill(b *box, keepSnapshot bool) *operation {
	if !keepSnapshot {
		b.snapshot = false
	}
	return s.begin(b, StateKilling, func(*operation) *failure {
		s.fallBack(b)
		return nil
	})
}

// fallBack kills the machine and leaves the sandbox in the state of its last
// good pause, or gone. The caller does not hold mu.
func (s *Server) fallBack(b *box) {
	s.killMachine(b)
	kept := b.snapshot && restore(b, b.newestCopy(b.pauses)) == nil
	if !kept {
		_ = os.RemoveAll(b.dir)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !kept {
		b.snapshot = false
		s.move(b, StateGone)
		return
	}
	b.end = b.pausedAt
	s.move(b, StatePaused)
}

// killMachine ends every process of the sandbox. The caller does not hold mu.
func (s *Server) killMachine(b *box) {
	s.mu.Lock()
	m := b.machine
	b.machine = nil
	s.mu.Unlock()
	if m != nil {
		m.CloseConnections()
		_ = m.Kill()
	}
}
