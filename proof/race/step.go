package race

import (
	"cmp"
	"context"
	"slices"

	"siesta/proof/world"
)

// step waits until nobody moves, looks for what must never be, and lets one
// player take its next step. false: all are done, or a promise is broken.
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
		if len(p.held) > 0 || p.function == "" && !p.done {
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
	r.touched = p.function == ""
	if p.function == "" {
		r.mu.Unlock()
		r.ended(p, p.do(ctx))
		return true
	}
	defer r.mu.Unlock()
	r.letGo(p)
	return true
}

// choose takes the player that is highest in rank. Its dice may say that it goes
// to the end of the ranks instead, once for each call; then the next is asked.
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

// letGo lets a player's next call go, to the fate that the dice give it.
func (r *race) letGo(p *player) {
	h := *p.first()
	p.held = p.held[1:]
	p.open++
	r.touched = h.Part == "postgres" || h.Part == "e2b"
	fate, line := world.Pass, p.name+": "+h.String()
	if !p.orphan {
		fate = r.fate(h.name, h.Part)
	}
	if fate != world.Pass {
		line += " [" + fate.String() + "]"
		r.told.Faults++
	}
	r.told.History = append(r.told.History, line)
	h.going <- fate
}
