package e2bsim

import "time"

// evictor ends sandboxes whose time is over, looking as often as E2B does.
func (s *Server) evictor() {
	ticker := time.NewTicker(evictInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.evict()
		case <-s.closing.Done():
			return
		}
	}
}

// evict pauses or kills what is due, and returns every such operation that is
// still under way.
func (s *Server) evict() []*operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	var pending []*operation
	for _, b := range s.boxes {
		if b.state == StateRunning && b.op == nil && !b.end.After(now) {
			if b.autoPause {
				s.beginPause(b, sleep{filesOnly: !b.autoPauseMemory}).evicted = true
			} else {
				s.beginKill(b, true).evicted = true
			}
		}
		if b.op != nil && b.op.evicted {
			pending = append(pending, b.op)
		}
	}
	return pending
}

// nextExpiry returns when the next running sandbox's time is over.
func (s *Server) nextExpiry() (next time.Time, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boxes {
		if b.state == StateRunning && (!found || b.end.Before(next)) {
			next, found = b.end, true
		}
	}
	return next, found
}
