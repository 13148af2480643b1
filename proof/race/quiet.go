package race

import (
	"context"
	"slices"
	"time"
)

const (
	// settled is how long nobody may have done anything before the next call is
	// let go: a process that makes calls side by side needs a moment for each.
	// aside is the same while all that a process waits for is a queue, which it
	// tells something beside its work.
	settled = 500 * time.Microsecond
	aside   = 2 * time.Millisecond
	// thinking is how long a process may be at something else than calls, and
	// stuck how long its call may wait for somebody whose call is held.
	thinking = 400 * time.Millisecond
	stuck    = 30 * time.Millisecond
)

// quiet waits until every player holds still at a call, or is about something
// that takes its time.
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
