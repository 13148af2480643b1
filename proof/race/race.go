package race

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"siesta/proof/world"
)

// Told is what happened in a history.
type Told struct {
	History []string // a line for each step
	Faults  int      // that were injected
	Broken  []string // promises that did not hold
}

// race lets the calls of several actors go one at a time, in an order that its
// dice decide.
type race struct {
	dice
	check func(context.Context) ([]string, error) // between any two calls

	mu      sync.Mutex
	players []*player
	lowest  int           // rank of the player that went to the end of the ranks last
	touched bool          // the last step may have changed what the promises are about
	over    bool          // given up: calls are held no longer
	changed chan struct{} // closed at every change, and replaced
	last    time.Time     // when changed was replaced
	told    Told
	errs    []error
}

// run lets the actors act at the same time, to their ends, in an order that the
// seed decides. Of a thousand calls so many as faults says go wrong; between any
// two it looks for what must never be.
func run(ctx context.Context, s *world.System, seed uint64, faults int, actors ...actor) (Told, error) {
	r := &race{dice: newDice(seed, faults), check: s.Never, changed: make(chan struct{})}
	for i, a := range actors {
		r.add(&player{actor: a, name: fmt.Sprint(i, " ", a.name)})
	}
	s.Judge(r)
	defer s.Judge(nil)
	var all sync.WaitGroup
	for _, p := range slices.Clone(r.players) {
		if p.function == "" {
			continue
		}
		all.Go(func() { r.ended(p, p.do(ctx)) })
		r.await(ctx, func() bool { return p.done || len(p.held) > 0 }, thinking)
	}
	for r.step(ctx) {
	}
	r.release()
	all.Wait()
	return r.told, errors.Join(append(r.errs, ctx.Err())...)
}

// add lets somebody take part.
func (r *race) add(p *player) {
	p.calls, p.rank = map[string]int{}, r.rank(p.name)
	r.players = append(r.players, p)
}

// Admit holds a call of a player's until the race lets it go.
func (r *race) Admit(c world.Call) world.Fate {
	r.mu.Lock()
	if c.Orphan && !r.over {
		name := fmt.Sprintf("orphan of %s %d %s", c.Function, len(r.players), c.Part)
		r.add(&player{actor: actor{name: "orphan", function: c.Function}, name: name, process: c.Process, orphan: true})
	}
	p := r.player(c)
	if p == nil || p.done {
		r.mu.Unlock()
		return world.Pass
	}
	p.calls[c.Part]++
	h := held{Call: c, name: fmt.Sprint(p.name, " ", c.Part, " ", p.calls[c.Part]), going: make(chan world.Fate, 1)}
	p.held = append(p.held, h)
	r.note()
	r.mu.Unlock()
	return <-h.going
}

// Answered notes that a player has an answer to think about.
func (r *race) Answered(c world.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.player(c); p != nil {
		p.open = max(p.open-1, 0)
		p.done = p.done || p.orphan
		r.note()
	}
}

// note wakes whoever waits for a change.
func (r *race) note() {
	r.last = time.Now()
	close(r.changed)
	r.changed = make(chan struct{})
}

// ended notes that a player has come to its end.
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

// release lets everything go that is still held, when a race was given up.
func (r *race) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	for _, p := range r.players {
		for _, h := range p.held {
			h.going <- world.Pass
		}
		p.held, p.done = nil, true
	}
}
