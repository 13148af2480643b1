package world

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"siesta/local/client"
	"siesta/shared/job"
)

// Leap is long enough for a message that waits its turn, and shorter than any
// lease.
const Leap = 30 * time.Second

// Request asks for a job whose app is this program.
func (s *System) Request() job.Request {
	none, command := "", AppCommand(s.self)
	return job.Request{
		ProjectID: job.NewID(), Goal: "a page",
		Source:   job.Source{Files: map[string]job.File{"index.html": {Content: []byte("hello")}}},
		Commands: job.Commands{Install: &none, Check: &none, Start: &command},
	}
}

// Started is a new job, whose build message nobody has received.
func Started(ctx context.Context, s *System) (id string, err error) {
	a, err := client.Wanted(http.StatusCreated)(s.API().Start(ctx, s.Request(), ""))
	return a.Told.JobID, err
}

// Halfway is a job whose builder died when its sandbox had just been filled.
func Halfway(ctx context.Context, s *System) (id string, err error) {
	id, err = Started(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&AtCall{Function: "build", Part: "sandbox", K: 3, Fate: Before})
	defer s.Judge(nil)
	return id, s.DeliverAll(ctx)
}

// Ready is a READY job whose pause message nobody has received.
func Ready(ctx context.Context, s *System) (id string, err error) {
	id, err = Started(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.reach(ctx, id, "build", func(j job.Job) bool { return j.Status == job.Ready })
}

// Asleep is a READY job whose sandbox was put to sleep.
func Asleep(ctx context.Context, s *System) (id string, err error) {
	id, err = Ready(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.reach(ctx, id, "pause", func(j job.Job) bool { return j.SandboxPaused })
}

// Sleeper is the only job there is, which must sleep, or else a new one that
// does.
func Sleeper(ctx context.Context, s *System) (id string, err error) {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return "", err
	}
	if len(jobs) == 1 {
		return jobs[0].ID, nil
	}
	return Asleep(ctx, s)
}

// Awake is a Sleeper that a user has woken.
func Awake(ctx context.Context, s *System) (id string, err error) {
	id, err = Sleeper(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.Ask(ctx, id, "resume")
}

// Ask is a user's call about a job. What it answers is not looked at: the
// function may have died.
func (s *System) Ask(ctx context.Context, id string, verb client.Verb) error {
	_, err := s.API().Do(ctx, id, verb)
	return err
}

// reach delivers to a function until a job is as wanted; Leaps pass.
func (s *System) reach(ctx context.Context, id, function string, wanted func(job.Job) bool) error {
	for range 10 {
		if _, err := s.Deliver(ctx, function); err != nil {
			return err
		}
		if j, err := s.Store.Get(ctx, id); err != nil || wanted(j) {
			return err
		}
		if err := s.Pass(ctx, Leap); err != nil {
			return err
		}
	}
	return fmt.Errorf("job %s does not get on", id)
}

// IsAsleep reports whether a job is as every one is in the end that nothing and
// nobody has stopped: READY, and its sandbox asleep.
func IsAsleep(j job.Job) bool { return j.Status == job.Ready && j.SandboxState == job.SandboxPaused }
