package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/sqs"
)

const (
	// maxCrashes is how many turns of a job may die.
	maxCrashes = 5
	// maxSlips is how many broken calls into the sandbox a turn tries again; after
	// that its lease runs out.
	maxSlips = 2
	// limitDelay is the wait of a job whose user builds enough already.
	limitDelay = 30 * time.Second
)

// turn is one run of the build function on one job, from its claim on. Every
// write carries the claim: job.ErrConflict means that the job was cancelled or
// taken over, and the turn ends without touching anything more.
type turn struct {
	*handler
	j       job.Job   // as the newest write returned it
	read    time.Time // when that was; this process's clock, only for differences
	claimed time.Time // by the same clock
	sendBy  time.Time // no call that changes E2B is sent later

	noSandbox error // why E2B gave this turn none; nil when it did, or was not asked

	envd    *envd.Client      // nil until E2B has answered this turn's connect, or made the sandbox in it
	env     map[string]string // the request's own
	redact  redactor
	polled  time.Duration // spent waiting for commands in this turn
	before  time.Duration // of that, before it started the present one
	started bool          // a command was started in this turn
	begun   string        // which one
	doubt   error         // why that is not certain; nil: it is
	unheard bool          // its last look had no answer

	// compared is what changes last said, until a command is started.
	compared *changed

	// progress is how far the build has come: the row's, and what happened
	// since. Advance, HandOver and Ready write it; after any write it is the
	// row's again.
	progress job.Progress
}

// run advances the job as far as it goes without waiting, then hands over,
// ends it, or leaves it to the next delivery when an answer did not come.
func (t *turn) run(ctx context.Context) error {
	err := t.advance(ctx)
	if t.j.Took() {
		err = t.settle(ctx, err)
	}
	var (
		f *failure
		w waiting
	)
	switch {
	case errors.As(err, &f):
		err = t.fail(ctx, f)
	case errors.As(err, &w):
		err = t.handOver(ctx, w.wait)
	case err == nil && t.j.Status == job.Ready:
		published := t.cache.PublishBeside(ctx, t.j)
		err = t.sendPause(ctx, t.j)
		published()
	}
	t.tell(ctx, w.wait, err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, job.ErrConflict):
		if j, err := t.store.Get(ctx, t.j.ID); err == nil {
			t.keepEndedLog(ctx, j)
		}
		return nil
	case t.j.Status.Terminal():
		return err
	default: // an answer did not come: the next delivery finds out, when the lease has run out
		return &sqs.RetryAfter{Err: err, Delay: t.leaseLeft()}
	}
}

// advance returns nil when the job is READY, or has given back what it took.
func (t *turn) advance(ctx context.Context) error {
	if t.j.GivesBack() {
		return t.giveBack(ctx, t.j)
	}
	if t.j.Crashes > maxCrashes {
		return &failure{message: "The build was interrupted too often and was given up. Please try again.", kind: metrics.JobsFailedService}
	}
	if t.j.Status == job.Queued {
		j, err := t.store.Begin(ctx, t.j, t.Limits.For(t.j.Tier))
		err = t.enter(ctx, "queued", j, err)
		if errors.Is(err, job.ErrLater) {
			return waitFor(limitDelay)
		}
		if err != nil {
			return err
		}
	}
	if t.j.ReadAt.After(t.j.DeadlineAt) {
		return &failure{message: t.j.OverdueMessage(), kind: metrics.JobsFailedDeadline}
	}
	if err := t.openEnv(ctx); err != nil {
		return err
	}
	if err := t.obtainSandbox(ctx); err != nil {
		return err
	}
	ctx, cancel := working(ctx)
	defer cancel()
	for slips := 0; t.j.Status != job.Ready; {
		err := t.step(ctx)
		if slips < maxSlips && slipped(err) && ctx.Err() == nil {
			slips++
			continue
		}
		if err != nil {
			return inWords(err)
		}
	}
	return nil
}

// inWords makes a failure of a call that will not end better another time; one
// that has its words keeps them.
func inWords(err error) error {
	var f *failure
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, e2b.ErrNoSpace):
		return failed(err, diskIsFull)
	case errors.Is(err, e2b.ErrBlocked):
		return failed(err, "The sandbox has something in the way of this build: /home/user/project and /home/user/.siesta must be folders that can be written to.")
	case errors.Is(err, e2b.ErrRefused):
		return failed(err, "The sandbox refused a step of this build.")
	default:
		return err
	}
}

// slipped reports whether a call into the sandbox broke. Every step may be done
// again: uploads overwrite, and a command that has started never starts twice.
func slipped(err error) bool {
	var e *e2b.Error
	return errors.As(err, &e) && e.Inside && errors.Is(err, e2b.ErrUnknown)
}

// take makes the row that a write returned the turn's.
func (t *turn) take(j job.Job, err error) error {
	if err == nil {
		t.j, t.progress, t.read = j, j.Progress, time.Now()
	}
	return err
}

// enter is take for a write that ends a stage.
func (t *turn) enter(ctx context.Context, stage string, j job.Job, err error) error {
	if err == nil {
		began := t.j.StepStartedAt
		if t.j.Status == job.Queued {
			began = t.j.EnqueuedAt
		}
		metrics.Took(ctx, metrics.Stage(stage), j.UpdatedAt.Sub(began))
	}
	return t.take(j, err)
}

func (t *turn) openEnv(ctx context.Context) error {
	env, err := t.sealer.Open(ctx, t.j.ID, t.j.EnvSealed)
	if err != nil {
		return fmt.Errorf("open environment: %w", err)
	}
	t.env, t.redact = env, newRedactor(env)
	return nil
}
