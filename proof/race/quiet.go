package race

import (
	"context"
	"slices"
	"time"
)

const (
	// settled is how long nothing may have changed before the next call is let
	// go: a process that makes several calls at once needs a moment for each.
	// aside is the same while some player's only call so far is one to a queue: it
	// may be about to make another beside that.
	settled = 500 * time.Microsecond
	aside   = 2 * time.Millisecond
	// thinking is how long the others wait for a process that makes no call: it
	// works, or sleeps. stuck is how long they wait for the answer to a call: it
	// may wait for a lock that somebody has whose call is held.
	thinking = 400 * time.Millisecond
	stuck    = 30 * time.Millisecond
)

// quiet waits until every player has a call that is held, or has made the others
// wait for it as long as they do.
func (r *race) quiet(ctx context.Context) {
	all := func(ok func(*player) bool) func() bool {
		return func() bool {
			return !slices.ContainsFunc(r.players, func(p *player) bool { return p.function != "" && !p.done && !ok(p) })
		}
	}
	r.await(ctx, all(func(p *player) bool { return p.open == 0 }), stuck)
	r.await(ctx, all(func(p *player) bool { return p.open > 0 || len(p.held) > 0 }), thinking)
	for {
		r.mu.Lock()
		wait := settled
		if slices.ContainsFunc(r.players, func(p *player) bool { return len(p.held) == 1 && p.held[0].Part == "sqs" }) {
			wait = aside
		}
		left, changed := wait-time.Since(r.last), r.changed
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
