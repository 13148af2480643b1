package world

import (
	"maps"
	"time"

	"siesta/proof/promises"
)

// excused is what may be otherwise than promised, because of what was done to
// the system since it was empty.
type excused struct {
	promises.Meddled
	overrun time.Duration // sandboxes may run for so much longer
}

func nothing() excused {
	return excused{Meddled: promises.Meddled{Woken: map[string]bool{}, Lost: map[string]bool{}}}
}

// excuse adds to what is excused.
func (s *System) excuse(add func(*excused)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.excused)
}

// excuses are a copy of what is excused.
func (s *System) excuses() excused {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.excused
	e.Woken, e.Lost = maps.Clone(e.Woken), maps.Clone(e.Lost)
	return e
}

// Forget takes back the faults that E2B has still to do, and excuses nothing by
// what was done before.
func (s *System) Forget() {
	s.E2B.ClearFaults()
	s.excuse(func(e *excused) { *e = nothing() })
}

// Excuse lets sandboxes run on for d longer than promises.Overrun, beside what was excused
// already: each fault may cost what one does.
func (s *System) Excuse(d time.Duration) {
	s.excuse(func(e *excused) { e.overrun += d })
}
