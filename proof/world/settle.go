package world

import (
	"context"
	"slices"
	"time"

	"siesta/proof/promises"
	"siesta/shared/job"
)

// Never tells what must not be at any moment, also between two calls.
func (s *System) Never(ctx context.Context) (broken []string, err error) {
	v, err := s.checker.Look(ctx)
	if err != nil {
		return nil, err
	}
	return promises.Texts(v.Never(s.excuses().Meddled)), nil
}

// Check tells what must not be, at a moment when no function runs.
func (s *System) Check(ctx context.Context) (broken []string, err error) {
	v, err := s.checker.Look(ctx)
	if err != nil {
		return nil, err
	}
	e := s.excuses()
	return promises.Texts(append(v.Never(e.Meddled), v.Overdue(promises.Overrun+e.overrun)...)), nil
}

// unrest tells what is still to come to rest. A cache that cannot be read for a
// moment is part of it.
func (s *System) unrest(ctx context.Context) ([]string, error) {
	v, err := s.checker.Look(ctx)
	if err == nil {
		err = s.checker.Compare(ctx, &v)
	}
	if err != nil {
		return nil, err
	}
	return promises.Texts(v.Unrest(promises.Rest{})), nil
}

// longest is more time than anything may take to come to rest: a create whose
// answer was lost, two looks a grace apart, a wake, with a minute for each.
const longest = 45 * time.Minute

// Settle lets minute after minute pass, with what comes of each, until all has
// come to rest, and returns what is broken: at once what must never be, and at
// the end what has not come to rest.
func (s *System) Settle(ctx context.Context) (broken []string, err error) {
	var rest []string
	for range int(longest / time.Minute) {
		for _, step := range []func(context.Context) error{s.DeliverAll, s.Sweep, s.DeliverAll} {
			if err := step(ctx); err != nil {
				return nil, err
			}
		}
		if broken, err = s.Check(ctx); len(broken) > 0 || err != nil {
			return broken, err
		}
		if rest, err = s.unrest(ctx); len(rest) == 0 || err != nil {
			return nil, err
		}
		step, err := s.nextStep(ctx)
		if err != nil {
			return nil, err
		}
		if err := s.Pass(ctx, step); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// nextStep is how much time Settle lets pass: until the first pause is due, when
// previews that are awake by right are all that is not at rest; else a minute.
func (s *System) nextStep(ctx context.Context) (time.Duration, error) {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return 0, err
	}
	var due []time.Duration
	for _, j := range jobs {
		switch {
		case j.Status.Terminal() && j.SandboxState != job.SandboxRunning && j.OpUntil.IsZero(): // at rest
		case j.Status == job.Ready && j.SandboxState == job.SandboxRunning && !j.OpUntil.After(j.ReadAt):
			due = append(due, j.PauseDueAt.Sub(j.ReadAt))
		default:
			return time.Minute, nil
		}
	}
	if len(due) == 0 {
		return time.Minute, nil
	}
	return min(max(slices.Min(due), time.Minute), time.Hour), nil
}
