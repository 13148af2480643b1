package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siesta/shared/job"
)

// takeAgain is the wait for a call to E2B about the sandbox that is to be taken.
const takeAgain = 2 * time.Second

// takeOver makes the sandbox of the version that the job starts from the job's own.
// Where that cannot be, it leaves the job without one: that gets its own, and begins
// with the version's kept code.
func (t *turn) takeOver(ctx context.Context) error {
	request, err := t.store.Request(ctx, t.j.ID)
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	// An agent with a shell may write anywhere: only its own sandbox keeps the
	// version whole.
	if request.KeepPrevious || request.Commands.Generate != nil {
		return nil
	}
	from, err := t.store.GetOwned(ctx, t.j.BaseJobID, t.j.UserID)
	switch {
	case errors.Is(err, job.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read previous job: %w", err)
	case from.SandboxState == job.SandboxMoved:
		return t.moved(ctx, from)
	case from.SandboxState == job.SandboxGone, from.SandboxState == job.SandboxNone, !t.store.Ours(from):
		return nil
	}
	base, err := t.store.Request(ctx, from.ID)
	if err != nil {
		return fmt.Errorf("read previous request: %w", err)
	}
	if base.Template != request.Template {
		return nil
	}
	err = t.take(t.store.Take(ctx, from, t.j))
	if errors.Is(err, job.ErrConflict) { // a call of a pause or a wake may be under way, or another was faster
		return waitFor(takeAgain)
	}
	return err
}

// moved says what becomes of a job whose sandbox another has taken.
func (t *turn) moved(ctx context.Context, from job.Job) error {
	to, err := t.store.Get(ctx, from.MovedTo)
	if err != nil && !errors.Is(err, job.ErrNotFound) {
		return fmt.Errorf("read job: %w", err)
	}
	if to.Status == job.Ready {
		return failed(nil, "%s was made from %s meanwhile, and has its preview. Send the change on top of %s.", to.BuildVersion, from.BuildVersion, to.BuildVersion)
	}
	return waitFor(max(takeAgain, t.wait()))
}

// startAnew goes on without the sandbox that was taken and lost before anything in
// it was changed.
func (t *turn) startAnew(ctx context.Context, cause error) error {
	lost := t.j.SandboxID
	t.log.WarnContext(ctx, "taken sandbox is lost", "sandbox_id", lost, "error", cause)
	if err := t.take(t.store.LoseAlone(ctx, t.j)); err != nil {
		return err
	}
	t.envd = nil
	t.kill(ctx, lost)
	return t.create(ctx)
}
