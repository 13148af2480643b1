package crash

import (
	"context"
	"fmt"

	"siesta/proof/world"
	"siesta/shared/job"
)

// iterations are the ways through a sandbox that moves from one version to the next,
// and back.
var iterations = []Scenario{
	{Name: "iterate", Function: "build", Prepare: iterating(noCheck, nil), Act: turns, End: moved, Jobs: 2, Rotate: true},
	{Name: "iterate what is awake", Function: "build", Prepare: iterating(noCheck, wake), Act: turns, End: moved, Jobs: 2, Spare: true},
	{Name: "iterate in vain", Function: "build", Prepare: iterating("exit 1", nil), Act: turns, End: givenBack, Same: true, Jobs: 2, Rotate: true},
	{Name: "iterate, cancel", Function: "cancel", Prepare: changed, Act: ask("cancel"), End: either, Same: true, Jobs: 2, Rotate: true},
	{Name: "iterate, cancelled", Function: "build", Prepare: cancelledAtWork, Act: turns, End: givenBack, Same: true, Jobs: 2, Rotate: true},
	{Name: "iterate, delete", Function: "delete", Prepare: changed, Act: remove, End: either, Same: true, Jobs: 2, Rotate: true},
	{Name: "iterate, lost", Function: "build", Prepare: vanished, Act: turns, End: gone, Jobs: 2, Rotate: true},
	{Name: "start an iteration", Function: "start", Prepare: world.Sleeping, Act: iterate, Again: true, End: either, Jobs: 3, Rotate: true},
}

const noCheck = ""

// iterating is an iteration that has not begun, of a version with which something
// was done before.
func iterating(check string, before func(context.Context, *world.System, string) error) func(context.Context, *world.System) (string, error) {
	return func(ctx context.Context, s *world.System) (string, error) {
		from, err := world.Sleeping(ctx, s)
		if err != nil {
			return "", err
		}
		if before != nil {
			if err := before(ctx, s, from); err != nil {
				return "", err
			}
		}
		return s.Iterate(ctx, from, check)
	}
}

func wake(ctx context.Context, s *world.System, id string) error { return s.Ask(ctx, id, "resume") }

// changed is an iteration whose builder died when it had changed its files.
func changed(ctx context.Context, s *world.System) (string, error) {
	id, err := iterating(noCheck, nil)(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&world.AtCall{Function: "build", Part: "s3", K: 1, Fate: world.Before})
	defer s.Judge(nil)
	return id, s.DeliverAll(ctx)
}

func cancelledAtWork(ctx context.Context, s *world.System) (string, error) {
	id, err := changed(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.Ask(ctx, id, "cancel")
}

// vanished is one whose sandbox E2B has lost.
func vanished(ctx context.Context, s *world.System) (string, error) {
	id, err := changed(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.Vanish(ctx, id)
}

// turns delivers a job's turns until it has none, or as many as any takes.
func turns(ctx context.Context, s *world.System, id string) error {
	for range 6 {
		if _, err := s.Deliver(ctx, "build"); err != nil {
			return err
		}
		if j, err := s.Store.Get(ctx, id); err != nil || j.Status.Terminal() {
			return err
		}
		if err := s.Pass(ctx, world.Leap); err != nil {
			return err
		}
	}
	return nil
}

func iterate(ctx context.Context, s *world.System, from string) error {
	_, _ = s.Iterate(ctx, from, noCheck) // it may have died, or be told of the first
	return nil
}

// moved: the version before is where its iteration is.
func moved(j job.Job) string {
	if j.Took() && world.IsAsleep(j) || !j.Took() && j.SandboxState == job.SandboxMoved {
		return ""
	}
	return "the iteration asleep, the version before moved to it"
}

// givenBack: the version before has its sandbox again.
func givenBack(j job.Job) string {
	if j.Took() && j.Status == job.Failed && j.SandboxState == job.SandboxMoved || !j.Took() && world.IsAsleep(j) {
		return ""
	}
	return "the iteration failed, the version before asleep"
}

// either: a call that never came through ends no iteration, and starts none.
func either(j job.Job) string {
	if moved(j) == "" || givenBack(j) == "" {
		return ""
	}
	return moved(j) + ", or " + givenBack(j)
}

func gone(j job.Job) string {
	if j.SandboxState == job.SandboxGone && (j.Status == job.Failed) == j.Took() {
		return ""
	}
	return "gone"
}

// same compares the workspaces of versions that sleep with that of one to which nothing
// was done.
func same(ctx context.Context, s *world.System, jobs []job.Job, pristine string) (broken []string, err error) {
	for _, j := range jobs {
		if j.Took() || !world.IsAsleep(j) {
			continue
		}
		now, err := s.Workspace(ctx, j.ID)
		if err != nil {
			return nil, err
		}
		if now != pristine {
			broken = append(broken, fmt.Sprintf("the workspace of job %s has\n%s\nwant\n%s", j.ID, now, pristine))
		}
	}
	return broken, nil
}
