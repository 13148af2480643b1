package e2bsim

import (
	"context"
	"sync"
	"time"
)

// Clock is the time that sandboxes live by: their timeouts, startedAt and
// endAt, and the bill. It can be moved forward, never back.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
	base  func() time.Time
}

// NewClock returns the machine's clock, which can also be moved forward.
func NewClock() *Clock { return &Clock{base: time.Now} }

// NewManualClock returns a clock that stands still at start until it is moved.
func NewManualClock(start time.Time) *Clock {
	return &Clock{base: func() time.Time { return start }}
}

// Now returns the simulated time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.ahead).UTC()
}

func (c *Clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += max(d, 0)
}

// Now returns the simulated time.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Advance moves the clock forward by d, stopping at each timeout on the way
// until the sandbox that it ends is paused or killed, so that none outlives
// its time. It fails only when ctx ends first.
func (s *Server) Advance(ctx context.Context, d time.Duration) error {
	for {
		for _, op := range s.evict() {
			if op.wait(ctx); ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if d <= 0 {
			return nil
		}
		step := d
		if next, ok := s.nextExpiry(); ok {
			step = min(d, max(next.Sub(s.clock.Now()), 0))
		}
		s.clock.forward(step)
		d -= step
	}
}
