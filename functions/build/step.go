package main

import (
	"context"
	"fmt"

	"siesta/shared/job"
)

// step does what the job's status asks for, and returns nil when that is done.
func (t *turn) step(ctx context.Context) error {
	switch t.j.Status {
	case job.Starting:
		return t.copyAside(ctx)
	case job.Scaffold:
		return t.scaffold(ctx)
	case job.Code:
		return t.code(ctx)
	case job.Deps:
		return t.deps(ctx)
	case job.Checks:
		return t.checks(ctx)
	default:
		return fmt.Errorf("step of status %s: %w", t.j.Status, job.ErrConflict)
	}
}

func (t *turn) next(ctx context.Context, status job.Status) error {
	j, err := t.store.Advance(ctx, t.j, t.progress, status)
	return t.enter(ctx, string(t.j.Status), j, err)
}

// code runs the request's own generator, if it has one.
func (t *turn) code(ctx context.Context) error {
	request, err := t.store.Request(ctx, t.j.ID)
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	if request.Commands.Generate != nil {
		if request.Port != nil {
			t.progress.Plan.Port = *request.Port // for the generator's environment
		}
		if err := t.command(ctx, "generate", *request.Commands.Generate, "Generating the code"); err != nil {
			return err
		}
	}
	if t.progress.Plan, err = t.plan(ctx, request); err != nil {
		return err
	}
	if err := t.keep(ctx); err != nil {
		return err
	}
	return t.next(ctx, job.Deps)
}

func (t *turn) deps(ctx context.Context) error {
	if t.j.Took() {
		if done, err := t.installed(ctx); err != nil {
			return err
		} else if done {
			return t.next(ctx, job.Checks)
		}
	}
	if err := t.command(ctx, "install", t.j.Plan.Install, "Installing dependencies"); err != nil {
		return err
	}
	return t.next(ctx, job.Checks)
}
