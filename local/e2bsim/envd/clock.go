package envd

import (
	"sync"
	"time"
)

// clock runs timers that stand still while the sandbox is paused, as a paused
// machine's own clock does.
type clock struct {
	mu     sync.Mutex
	paused bool
	timers map[*timer]struct{}
}

type timer struct {
	clock *clock
	left  time.Duration // valid while the clock is paused
	due   time.Time     // valid while it runs
	run   func()
	timer *time.Timer // nil while the clock is paused
}

func newClock() *clock { return &clock{timers: map[*timer]struct{}{}} }

// afterFunc calls run once d has passed with the clock running.
func (c *clock) afterFunc(d time.Duration, run func()) *timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{clock: c, left: d, run: run}
	c.timers[t] = struct{}{}
	if !c.paused {
		t.startLocked()
	}
	return t
}

func (t *timer) startLocked() {
	t.due = time.Now().Add(t.left)
	t.timer = time.AfterFunc(t.left, t.fire)
}

// fire may come late, when the clock has been paused or the timer stopped.
func (t *timer) fire() {
	t.clock.mu.Lock()
	_, live := t.clock.timers[t]
	live = live && !t.clock.paused && !time.Now().Before(t.due)
	if live {
		delete(t.clock.timers, t)
	}
	t.clock.mu.Unlock()
	if live {
		t.run()
	}
}

func (t *timer) stop() {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	delete(t.clock.timers, t)
	if t.timer != nil {
		t.timer.Stop()
	}
}

func (c *clock) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused {
		return
	}
	c.paused = true
	for t := range c.timers {
		t.timer.Stop()
		t.timer, t.left = nil, time.Until(t.due)
	}
}

func (c *clock) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.paused {
		return
	}
	c.paused = false
	for t := range c.timers {
		t.startLocked()
	}
}
