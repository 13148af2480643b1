// Package race lets several functions run at the same time on one system, in an
// order of their calls that a seed decides, with faults, and finds out whether the
// promises still hold. It owns the histories that are played, who acts in them,
// and whose call goes next. How a system is built, moved and broken is package
// world's.
package race

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"siesta/proof/promises"
	"siesta/proof/world"
	"siesta/shared/job"
)

// Try plays the history that a seed decides, until all has come to rest: a job is
// brought to some point of its life, then several act on it at the same time, for
// some rounds, with time in between. Of a thousand calls so many as faults says go
// wrong; with none, E2B does nothing wrong either. Of what was in the system before
// nothing is left but a job that sleeps, if the history can begin with that.
//
// An error is about the proof itself, not about a promise.
func Try(ctx context.Context, s *world.System, seed uint64, faults int) (Told, error) {
	h := &history{System: s, random: rand.New(rand.NewPCG(seed, seed)), faults: faults}
	begin := pick(h.random, beginnings)
	if err := tidy(ctx, s, begin.ready); err != nil {
		return Told{}, err
	}
	h.preview = begin.ready || begin.name == "just ready"
	h.tell("begins " + begin.name)
	var err error
	if h.id, err = begin.prepare(ctx, s); err != nil {
		return h.told, fmt.Errorf("begin %s: %w", begin.name, err)
	}
	for range 1 + h.random.IntN(4) {
		if err := h.round(ctx); err != nil || len(h.told.Broken) > 0 {
			return h.told, err
		}
	}
	h.tell("comes to rest")
	if h.told.Broken, err = s.Settle(ctx); err != nil || len(h.told.Broken) > 0 {
		return h.told, err
	}
	h.told.Broken, err = h.ended(ctx)
	return h.told, err
}

// history is one that is being played.
type history struct {
	*world.System
	random    *rand.Rand
	faults    int           // in a thousand calls
	id        string        // of the job
	preview   bool          // the job was READY from the beginning: nobody cancels it
	cancelled bool          // a user may have
	idle      time.Duration // that passed since every message was delivered
	told      Told

	mu       sync.Mutex
	received []delivery // every message that was received, to come again
}

// rests are the times that may pass between two rounds, and moments those while
// calls are under way: as no round has more than two of them, less passes than a
// call may take.
var (
	rests   = []time.Duration{0, 0, 5 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, outage}
	moments = []time.Duration{5 * time.Second, 15 * time.Second, 35 * time.Second}
)

// round lets some act at the same time, and time pass.
func (h *history) round(ctx context.Context) error {
	for h.faults > 0 && h.random.IntN(3) == 0 {
		if err := h.breakE2B(); err != nil {
			return err
		}
	}
	actors := []actor{h.actor(), h.actor()}
	if h.random.IntN(2) == 0 {
		actors = append(actors, h.actor())
	}
	for range h.random.IntN(3) {
		d := pick(h.random, moments)
		actors = append(actors, actor{name: d.String() + " pass", do: func(ctx context.Context) error { return h.Pass(ctx, d) }})
	}
	told, err := run(ctx, h.System, h.random.Uint64(), h.faults, actors...)
	h.told.History = append(h.told.History, told.History...)
	h.told.Faults += told.Faults
	h.told.Broken = told.Broken
	h.excuse(told.Faults)
	if err != nil || len(told.Broken) > 0 {
		return err
	}
	d, err := h.rest(ctx)
	if err != nil {
		return err
	}
	h.tell(d.String() + " pass")
	if err := h.Pass(ctx, d); err != nil {
		return err
	}
	if h.idle += d; h.idle < outage {
		return nil
	}
	h.tell("all messages come, and reconcile runs")
	h.Excuse(h.idle) // what fell due meanwhile is late by that, and from now on like any other
	h.idle = 0
	return errors.Join(h.DeliverAll(ctx), h.Sweep(ctx), h.DeliverAll(ctx))
}

// outage is how long messages stay undelivered and reconcile does not run, at the
// most. With a much longer one the time of sandboxes would be up at E2B.
const outage = 8 * time.Minute

// rest is a time to pass: any, or one that ends just before or after something
// runs out.
func (h *history) rest(ctx context.Context) (time.Duration, error) {
	if h.random.IntN(2) == 0 {
		return pick(h.random, rests), nil
	}
	j, err := h.Store.Get(ctx, h.id)
	if err != nil {
		return 0, err
	}
	ends := []time.Duration{0}
	for _, at := range []time.Time{j.OpUntil, j.PauseDueAt, j.LeaseUntil} {
		ends = append(ends, at.Sub(j.ReadAt))
	}
	for _, queue := range []string{"BuildQueue", "PauseQueue"} {
		for _, m := range h.SQS.Messages(queue) {
			ends = append(ends, m.VisibleAt.Sub(h.SQS.Now()))
		}
	}
	margin := pick(h.random, []time.Duration{-20 * time.Second, -5 * time.Second, time.Second})
	d := pick(h.random, ends) + margin
	return min(max(d, 0), outage+time.Minute).Truncate(time.Second), nil
}

// excuse lets sandboxes run on for longer: each fault may cost what one does.
func (h *history) excuse(faults int) { h.Excuse(time.Duration(faults) * promises.Overrun) }

// tell adds a line to what happened.
func (h *history) tell(what string) { h.told.History = append(h.told.History, what) }

// ended tells what is not as it must be in the end: nobody but a user ends a
// job, and nothing of it is lost.
func (h *history) ended(ctx context.Context) ([]string, error) {
	j, err := h.Store.Get(ctx, h.id)
	if err != nil {
		return nil, err
	}
	if !world.IsAsleep(j) && !(h.cancelled && j.Status == job.Failed) {
		return []string{fmt.Sprintf("job %s is %s (%s), sandbox %s: want ready, asleep", j.ID, j.Status, j.ErrorMessage, j.SandboxState)}, nil
	}
	return nil, nil
}

// Patient are settings under which no job's time is up within a history.
var Patient = map[string]string{"BUILD_DEADLINE_SECONDS": "86400"}
