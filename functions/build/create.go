package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

func (t *turn) create(ctx context.Context) error {
	if time.Now().After(t.sendBy) {
		return waitFor(minWait)
	}
	request, err := t.store.Request(ctx, t.j.ID)
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	if err := t.take(t.store.RecordCreate(ctx, t.j)); err != nil {
		return err
	}
	sending, cancel := context.WithDeadline(ctx, t.sendBy)
	defer cancel()
	sandbox, err := t.e2b.Create(sending, e2b.Create{
		Template: request.Template, Timeout: job.BuildTTL + t.PauseAfter, Metadata: job.Tags(t.StackTag, t.j.ID, t.j.CreateNo),
		Key: job.CreateKey(t.StackTag, t.j.ID, t.j.CreateNo),
	})
	if err != nil {
		return t.notCreated(ctx, err)
	}
	row, err := t.store.RecordSandbox(ctx, t.j, sandbox.ID, job.BuildTTL+t.PauseAfter)
	if errors.Is(err, job.ErrConflict) {
		return t.disown(ctx, sandbox.ID)
	}
	if err := t.enter(ctx, "starting", row, err); err != nil {
		return err
	}
	t.envd = envd.Of(t.e2b, sandbox)
	return t.mark(ctx)
}

// notCreated decides what an unsuccessful create means.
func (t *turn) notCreated(ctx context.Context, err error) error {
	t.noSandbox = err
	switch {
	case errors.Is(err, e2b.ErrRefused):
		if err := t.take(t.store.RecordNotCreated(ctx, t.j)); err != nil {
			return err
		}
		return failed(err, "The sandbox service refused to create a sandbox for this build.")
	case noEffect(err):
		if err := t.take(t.store.RecordNotCreated(ctx, t.j)); err != nil {
			return err
		}
		return waitFor(max(capacityWait, retryAfter(err)))
	default: // it may exist: the lease runs out, then a list tells
		return fmt.Errorf("create sandbox: %w", err)
	}
}

// disown kills a sandbox that came too late for its job, unless another
// builder may have adopted it.
func (t *turn) disown(ctx context.Context, sandboxID string) error {
	j, err := t.store.Get(ctx, t.j.ID)
	if err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	another := j.SandboxID != "" && j.SandboxID != sandboxID
	if j.Status == job.Failed || another || j.CreateNo > t.j.CreateNo {
		if err := t.e2b.Kill(ctx, sandboxID); err != nil {
			t.log.WarnContext(ctx, "kill disowned sandbox", "sandbox_id", sandboxID, "error", err)
		}
	}
	return job.ErrConflict
}
