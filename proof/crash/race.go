package crash

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// Told is what happened in a race.
type Told struct {
	History []string
	Faults  int
	Broken  []string // promises
}

// player is an actor's part in a race. The race's lock guards it.
type player struct {
	Actor
	name    string // no two have the same
	process int    // of its function; 0: not known yet
	done    bool
	orphan  bool // it is a call whose process is dead
	open    int  // calls let go, without an answer yet
	held    []held
	calls   map[string]int // so far, by part
	rank    int            // the highest goes first
}

// held is a call that waits to be let go.
type held struct {
	Call
	name   string // no two have the same
	passed bool   // its player was dropped because of it
	going  chan Fate
}

// race lets the calls of several actors go one at a time, in an order that its
// dice decide.
type race struct {
	dice
	check func(context.Context) ([]string, error) // between any two calls

	mu      sync.Mutex
	players []*player
	lowest  int  // rank of whom was dropped last
	touched bool // by the last step: what a promise is about
	over    bool
	changed chan struct{} // closed at every change, and replaced
	last    time.Time     // of the last change
	told    Told
	errs    []error
}

// Race runs the actors to their ends, lets faults of a thousand calls go wrong,
// and looks between any two calls for what must never be.
func (s *System) Race(ctx context.Context, seed uint64, faults int, actors ...Actor) (Told, error) {
	r := &race{dice: newDice(seed, faults), check: s.never, changed: make(chan struct{})}
	for i, a := range actors {
		r.add(&player{Actor: a, name: fmt.Sprint(i, " ", a.Name)})
	}
	s.Judge(r)
	defer s.Judge(nil)
	var all sync.WaitGroup
	for _, p := range slices.Clone(r.players) {
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

func (r *race) add(p *player) {
	p.calls, p.rank = map[string]int{}, r.rank(p.name)
	r.players = append(r.players, p)
}

// Admit holds a call of a player's until the race lets it go.
func (r *race) Admit(c Call) Fate {
	r.mu.Lock()
	if c.Orphan && !r.over {
		name := fmt.Sprintf("orphan of %s %d %s", c.Function, len(r.players), c.Part)
		r.add(&player{Actor: Actor{Name: "orphan", Function: c.Function}, name: name, process: c.Process, orphan: true})
	}
	p := r.player(c)
	if p == nil || p.done {
		r.mu.Unlock()
		return Pass
	}
	p.calls[c.Part]++
	h := held{Call: c, name: fmt.Sprint(p.name, " ", c.Part, " ", p.calls[c.Part]), going: make(chan Fate, 1)}
	p.held = append(p.held, h)
	r.note()
	r.mu.Unlock()
	return <-h.going
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
		r.errs = append(r.errs, fmt.Errorf("%s: %w", p.name, err))
	}
	r.told.History = append(r.told.History, p.name+" ends")
	r.note()
}

// step lets one player take its next step. false: all are done, or a promise
// is broken.
func (r *race) step(ctx context.Context) bool {
	r.quiet(ctx)
	var broken []string
	var err error
	if r.touched {
		broken, err = r.check(ctx)
	}
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
	r.touched = p.Function == ""
	if p.Function == "" {
		r.mu.Unlock()
		r.ended(p, p.Do(ctx))
		return true
	}
	defer r.mu.Unlock()
	r.letGo(p)
	return true
}

// first sorts a player's calls, of which it makes some side by side, so that
// the order in which they came does not matter.
func (p *player) first() *held {
	slices.SortStableFunc(p.held, func(a, b held) int { return cmp.Compare(a.name, b.name) })
	return &p.held[0]
}

// choose takes the highest in rank, which may drop to the lowest.
func (r *race) choose(ready []*player) *player {
	for {
		top := slices.MaxFunc(ready, func(a, b *player) int { return cmp.Compare(a.rank, b.rank) })
		if len(top.held) == 0 || len(ready) == 1 {
			return top
		}
		h := top.first()
		if h.passed || !r.drops(h.name, h.Part) {
			return top
		}
		h.passed = true
		r.lowest--
		top.rank = r.lowest
	}
}

func (r *race) letGo(p *player) {
	h := *p.first()
	p.held = p.held[1:]
	p.open++
	r.touched = h.Part == "postgres" || h.Part == "e2b"
	fate, line := Pass, p.name+": "+h.String()
	if !p.orphan {
		fate = r.fate(h.name, h.Part)
	}
	if fate != Pass {
		line += " [" + fate.String() + "]"
		r.told.Faults++
	}
	r.told.History = append(r.told.History, line)
	h.going <- fate
}

// release lets everything go that is still held, when a race was given up.
func (r *race) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	for _, p := range r.players {
		for _, h := range p.held {
			h.going <- Pass
		}
		p.held, p.done = nil, true
	}
}
