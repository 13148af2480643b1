package crash

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Actor is one of those who act at the same time: an invocation of a function,
// or, without one, something that happens in one step.
type Actor struct {
	Name     string
	Function string
	Do       func(context.Context) error
}

const (
	// settled is how long nobody may have done anything before the next call is
	// let go: a process that makes calls side by side needs a moment for each.
	settled = 500 * time.Microsecond
	// thinking is how long a process may be at something else than calls, and
	// stuck how long its call may wait for somebody whose call is held.
	thinking = 400 * time.Millisecond
	stuck    = 30 * time.Millisecond
)

// player is an actor's part in a race. The race's lock guards it.
type player struct {
	Actor
	process int // of its function; 0: not known yet
	done    bool
	orphan  bool // it is a call whose process is dead
	open    int  // calls let go, without an answer yet
	held    []held
	rank    int
}

type held struct {
	call Call
	go_  chan Fate
}

// race lets the calls of several actors go one at a time, in an order that its
// seed decides.
type race struct {
	random *rand.Rand
	faults int // in a thousand calls
	steady bool
	over   bool
	check  func(context.Context) ([]string, error) // between any two calls

	mu      sync.Mutex
	players []*player
	changed chan struct{} // closed at every change, and replaced
	last    time.Time     // of the last change
	told    Told
	errs    []error
}

// Told is what happened in a race.
type Told struct {
	History []string
	Faults  int
	Broken  []string // promises
}

// Race runs the actors to their ends, lets faults of a thousand calls go wrong,
// and looks between any two calls for what must never be.
func (s *System) Race(ctx context.Context, random *rand.Rand, faults int, actors ...Actor) (Told, error) {
	r := &race{random: random, faults: faults, steady: random.IntN(2) == 0, check: s.never, changed: make(chan struct{})}
	for _, a := range actors {
		r.players = append(r.players, &player{Actor: a, rank: random.Int()})
	}
	s.Judge(r)
	defer s.Judge(nil)
	var all sync.WaitGroup
	for _, p := range r.players {
		if p.Function == "" {
			continue
		}
		all.Go(func() { r.ended(p, p.Do(ctx)) })
		r.await(ctx, func() bool { return p.done || len(p.held) > 0 }, thinking)
	}
	for r.step(ctx) {
	}
	r.release()
	all.Wait()
	return r.told, errors.Join(append(r.errs, ctx.Err())...)
}

// Admit holds a call of a player's until the race lets it go.
func (r *race) Admit(c Call) Fate {
	r.mu.Lock()
	if c.Orphan && !r.over {
		r.players = append(r.players, &player{
			Actor: Actor{Name: "orphan", Function: c.Function}, process: c.Process, orphan: true, rank: r.random.Int(),
		})
	}
	p := r.player(c)
	if p == nil || p.done {
		r.mu.Unlock()
		return Pass
	}
	h := held{call: c, go_: make(chan Fate, 1)}
	p.held = append(p.held, h)
	r.note()
	r.mu.Unlock()
	return <-h.go_
}

// Answered notes that a player has an answer to think about.
func (r *race) Answered(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.player(c); p != nil {
		p.open = max(p.open-1, 0)
		p.done = p.done || p.orphan
		r.note()
	}
}

// player is whose call it is: each process is the first one's that has none.
func (r *race) player(c Call) *player {
	for _, p := range r.players {
		if p.Function == c.Function && p.process == c.Process && p.orphan == c.Orphan && !(p.orphan && p.done) {
			return p
		}
	}
	for _, p := range r.players {
		if p.Function == c.Function && p.process == 0 && !p.done {
			p.process = c.Process
			return p
		}
	}
	return nil
}

func (r *race) note() {
	r.last = time.Now()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *race) ended(p *player, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.done = true
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("%s: %w", p.Name, err))
	}
	r.told.History = append(r.told.History, p.Name+" ends")
	r.note()
}

// await returns when ok, asked under the lock, says so, or after most.
func (r *race) await(ctx context.Context, ok func() bool, most time.Duration) {
	over := time.NewTimer(most)
	defer over.Stop()
	for {
		r.mu.Lock()
		yes, changed := ok(), r.changed
		r.mu.Unlock()
		if yes {
			return
		}
		select {
		case <-changed:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// quiet waits until every player holds still at a call, or is about something
// that takes its time.
func (r *race) quiet(ctx context.Context) {
	all := func(ok func(*player) bool) func() bool {
		return func() bool {
			return !slices.ContainsFunc(r.players, func(p *player) bool { return p.Function != "" && !p.done && !ok(p) })
		}
	}
	r.await(ctx, all(func(p *player) bool { return p.open == 0 }), stuck)
	r.await(ctx, all(func(p *player) bool { return p.open > 0 || len(p.held) > 0 }), thinking)
	for {
		r.mu.Lock()
		left, changed := settled-time.Since(r.last), r.changed
		r.mu.Unlock()
		if left <= 0 {
			return
		}
		select {
		case <-changed:
		case <-time.After(left):
		}
	}
}

// step lets one player take its next step. false: all are done.
func (r *race) step(ctx context.Context) bool {
	r.quiet(ctx)
	broken, err := r.check(ctx)
	r.mu.Lock()
	if err != nil || len(broken) > 0 {
		r.errs, r.told.Broken = append(r.errs, err), broken
		r.mu.Unlock()
		return false
	}
	var ready []*player
	left := false
	for _, p := range r.players {
		left = left || !p.done
		if len(p.held) > 0 || p.Function == "" && !p.done {
			ready = append(ready, p)
		}
	}
	if !left || ctx.Err() != nil {
		r.mu.Unlock()
		return false
	}
	if len(ready) == 0 {
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		return true
	}
	p := r.choose(ready)
	if p.Do != nil && p.Function == "" {
		r.told.History = append(r.told.History, p.Name)
		r.mu.Unlock()
		r.ended(p, p.Do(ctx))
		return true
	}
	slices.SortStableFunc(p.held, func(a, b held) int { return cmp.Compare(a.call.String(), b.call.String()) })
	h := p.held[0]
	p.held = p.held[1:]
	p.open++
	fate := Pass
	if !p.orphan {
		fate = r.fate(h.call)
	}
	line := p.Name + ": " + h.call.String()
	if fate != Pass {
		line += " [" + fate.String() + "]"
		r.told.Faults++
	}
	r.told.History = append(r.told.History, line)
	r.mu.Unlock()
	h.go_ <- fate
	return true
}

// choose takes any player, or in a steady race the highest in rank, which drops
// to the lowest now and then: few changes at unlikely places find what many at
// likely ones do not.
func (r *race) choose(ready []*player) *player {
	if !r.steady {
		return ready[r.random.IntN(len(ready))]
	}
	top := slices.MaxFunc(ready, func(a, b *player) int { return cmp.Compare(a.rank, b.rank) })
	if r.random.IntN(8) == 0 {
		top.rank = -r.random.Int()
	}
	return top
}

// fate is what a call meets. Those to E2B meet more than others, and it is their
// answers and delays that the protocol is about.
func (r *race) fate(c Call) Fate {
	faults, fates := r.faults, []Fate{Before, After, Lost, Late}
	if c.Part == "e2b" {
		faults, fates = 8*faults, []Fate{Before, After, Lost, Late, Late, Late}
	}
	if r.random.IntN(1000) >= faults {
		return Pass
	}
	return pick(r.random, fates)
}

// release lets everything go that is still held, when a race was given up.
func (r *race) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	for _, p := range r.players {
		for _, h := range p.held {
			h.go_ <- Pass
		}
		p.held, p.done = nil, true
	}
}
