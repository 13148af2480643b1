package race

import (
	"context"
	"time"

	"siesta/proof/world"
)

// beginning is where a history's job may be when it begins.
type beginning struct {
	name    string
	ready   bool // a job that sleeps already will do
	prepare func(context.Context, *world.System) (string, error)
}

var beginnings = []beginning{
	{"queued", false, world.Started},
	{"half built, its builder dead", false, after(world.Halfway, 2*time.Minute)},
	{"just ready", false, world.Ready},
	{"asleep", true, world.Sleeper},
	{"awake", true, world.Awake},
	{"awake for long enough", true, after(world.Awake, 11*time.Minute)},
	{"due", true, due},
	{"half asleep, its pause dying", true, after(halfAsleep, time.Minute)},
	{"half asleep, its pause dead", true, after(halfAsleep, 2*time.Minute+world.Leap)},
	{"half awake, its resume dying", true, after(halfAwake, time.Minute)},
	{"half awake, its resume dead", true, after(halfAwake, 2*time.Minute+world.Leap)},
}

// tidy makes an end of the history before, but for a job that sleeps, if that
// is of use.
func tidy(ctx context.Context, s *world.System, useful bool) error {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return err
	}
	if useful && len(jobs) == 1 && world.IsAsleep(jobs[0]) {
		s.Forget()
		return nil
	}
	return s.Empty(ctx)
}

// due is a job whose preview is to be put to sleep now.
func due(ctx context.Context, s *world.System) (string, error) {
	id, err := world.Awake(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.Ask(ctx, id, "snapshot")
}

// after lets time pass after a beginning.
func after(prepare func(context.Context, *world.System) (string, error), d time.Duration) func(context.Context, *world.System) (string, error) {
	return func(ctx context.Context, s *world.System) (string, error) {
		id, err := prepare(ctx, s)
		if err != nil {
			return "", err
		}
		return id, s.Pass(ctx, d)
	}
}

// halfAsleep is a job whose pause died before its call to E2B.
func halfAsleep(ctx context.Context, s *world.System) (string, error) {
	id, err := due(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&world.AtCall{Function: "pause", Part: "e2b", K: 1, Fate: world.Before})
	defer s.Judge(nil)
	_, err = s.Deliver(ctx, "pause")
	return id, err
}

// halfAwake is a job whose resume died when E2B had done its part.
func halfAwake(ctx context.Context, s *world.System) (string, error) {
	id, err := world.Sleeper(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&world.AtCall{Function: "resume", Part: "e2b", K: 1, Fate: world.After})
	defer s.Judge(nil)
	return id, s.Ask(ctx, id, "resume")
}
