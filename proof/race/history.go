// Package race lets several functions run at the same time on one system, in an
// order of their calls that a seed decides, with faults, and finds out whether the
// promises still hold. It owns the histories that are played, who acts in them,
// and whose call goes next. In a third of them its user changes the job where it is:
// iterates on it, cancels that, deletes either. How a system is built, moved and
// broken is package world's.
package race

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
	h := &history{System: s, random: rand.New(rand.NewPCG(seed, seed)), faults: faults, ended: map[string]bool{}}
	from := beginnings
	if h.iterates = h.random.IntN(3) == 0; h.iterates {
		from = iterations
	}
	begin := pick(h.random, from)
	if err := tidy(ctx, s, begin.ready); err != nil {
		return Told{}, err
	}
	h.preview = h.iterates || begin.ready || begin.name == "just ready"
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
	h.told.Broken, err = h.wrong(ctx)
	return h.told, err
}

// history is one that is being played.
type history struct {
	*world.System
	random   *rand.Rand
	faults   int             // in a thousand calls
	id       string          // of the job
	jobs     []job.Job       // it and the versions made from it, as the round began
	preview  bool            // the job was READY from the beginning: nobody cancels it
	iterates bool            // its user changes it
	ended    map[string]bool // a user may have cancelled or deleted these
	deleted  bool            // one of them may be deleted, and others go with it
	idle     time.Duration   // that passed since every message was delivered
	told     Told

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
func (h *history) round(ctx context.Context) (err error) {
	if h.jobs, err = h.Jobs(ctx); err != nil {
		return err
	}
	slices.SortFunc(h.jobs, func(a, b job.Job) int { return a.CreatedAt.Compare(b.CreatedAt) })
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
	jobs, err := h.Jobs(ctx)
	if err != nil {
		return 0, err
	}
	ends := []time.Duration{0}
	for _, j := range jobs {
		for _, at := range []time.Time{j.OpUntil, j.PauseDueAt, j.LeaseUntil} {
			ends = append(ends, at.Sub(j.ReadAt))
		}
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

// wrong tells what is not as it must be in the end: nobody but a user ends a job, or
// has it lost, and what a change breaks is its own.
func (h *history) wrong(ctx context.Context) (told []string, err error) {
	jobs, err := h.Jobs(ctx)
	byID := map[string]job.Job{}
	for _, j := range jobs {
		byID[j.ID] = j
	}
	for _, j := range jobs {
		base := byID[j.BaseJobID]
		switch {
		case world.IsAsleep(j), !j.DeletedAt.IsZero():
		case j.Status == job.Ready && j.SandboxState == job.SandboxMoved: // its owner tells
		case j.Status == job.Failed && (h.ended[j.ID] || j.BaseJobID != "" && strings.Contains(j.ErrorMessage, inVain)):
		case j.Status == job.Failed && base.SandboxState == job.SandboxMoved && base.MovedTo != j.ID: // another was faster
		case h.deleted && (j.Status == job.Failed || j.SandboxState == job.SandboxGone): // with what it was made from, or what was made from it
		default:
			told = append(told, fmt.Sprintf("job %s is %s (%s), sandbox %s: want ready, asleep", j.ID, j.Status, j.ErrorMessage, j.SandboxState))
		}
	}
	return told, err
}

// Patient are settings under which no job's time is up within a history.
var Patient = map[string]string{"BUILD_DEADLINE_SECONDS": "86400"}
