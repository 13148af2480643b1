package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/logging"
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
	claimed time.Time // this process's clock; only for differences
	sendBy  time.Time // no call that changes E2B is sent later

	noSandbox error // why E2B gave this turn none; nil when it did, or was not asked

	envd    *envd.Client
	env     map[string]string // the request's own
	redact  redactor
	polled  time.Duration // spent waiting for commands in this turn
	started bool          // a command was started in this turn

	// progress is j's own, and what the turn has come to since: the next write
	// of it takes it along.
	progress job.Progress
}

// failure ends a job: it will not get better by trying again.
type failure struct {
	message string // for the job's user
	cause   error  // for the log; may be nil
}

func (f *failure) Error() string { return f.message }
func (f *failure) Unwrap() error { return f.cause }

func failed(cause error, format string, args ...any) error {
	return &failure{message: fmt.Sprintf(format, args...), cause: cause}
}

// run advances the job as far as it goes without waiting, then hands over,
// ends it, or leaves it to the next delivery when an answer did not come.
func (t *turn) run(ctx context.Context) error {
	wait, err := t.advance(ctx)
	var f *failure
	switch {
	case errors.As(err, &f):
		err = t.fail(ctx, f)
	case err == nil && wait > 0:
		err = t.handOver(ctx, wait)
	case err == nil:
		published := t.cache.PublishBeside(ctx, t.j)
		err = t.sendPause(ctx, t.j)
		published()
	}
	t.tell(ctx, wait, err)
	switch {
	case err == nil, errors.Is(err, job.ErrConflict):
		return nil
	case t.j.Status.Terminal():
		return err
	default: // an answer did not come: the next delivery finds out, when the lease has run out
		return &sqs.RetryAfter{Err: err, Delay: t.leaseLeft()}
	}
}

// tell writes the turn's one line. As the share of turns, its metric shows when
// E2B takes no builds: such turns hand over, so no queue grows and nothing fails.
func (t *turn) tell(ctx context.Context, wait time.Duration, err error) {
	without := 0
	if t.noSandbox != nil {
		without = 1
	}
	logging.Metrics(ctx, t.log, "turn", map[string]int{"turns_without_sandbox": without},
		slog.String("status", string(t.j.Status)), slog.String("sandbox_id", t.j.SandboxID),
		slog.Any("sandbox_error", t.noSandbox), slog.Any("error", err),
		slog.Int64("wait_ms", wait.Milliseconds()), slog.Int64("took_ms", time.Since(t.claimed).Milliseconds()))
}

// leaseLeft is the time until this turn's job can be claimed again.
func (t *turn) leaseLeft() time.Duration {
	return job.Lease - time.Since(t.claimed) + time.Second
}

// advance returns 0 when the job is READY, else how long to wait for the next
// turn.
func (t *turn) advance(ctx context.Context) (time.Duration, error) {
	if t.j.Crashes > maxCrashes {
		return 0, failed(nil, "The build was interrupted too often and was given up. Please try again.")
	}
	if t.j.Status == job.Queued {
		err := t.take(t.store.Begin(ctx, t.j, t.Limits.For(t.j.Tier)))
		if errors.Is(err, job.ErrLater) {
			return limitDelay, nil
		}
		if err != nil {
			return 0, err
		}
	}
	if t.j.ReadAt.After(t.j.DeadlineAt) {
		return 0, failed(nil, "%s", t.j.OverdueMessage())
	}
	if err := t.openEnv(ctx); err != nil {
		return 0, err
	}
	if wait, err := t.obtainSandbox(ctx); wait > 0 || err != nil {
		return wait, err
	}
	for slips := 0; t.j.Status != job.Ready; {
		wait, err := t.step(ctx)
		if slips < maxSlips && slipped(err) {
			slips++
			continue
		}
		if errors.Is(err, e2b.ErrRefused) {
			return 0, failed(err, "The sandbox refused a step of this build. Its disk may be full.")
		}
		if wait > 0 || err != nil {
			return wait, err
		}
	}
	return 0, nil
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
		t.j, t.progress = j, j.Progress
	}
	return err
}

// sum is the turn's progress with what it has waited, for the turn's end.
func (t *turn) sum() job.Progress {
	p := t.progress
	p.PolledMS += int(t.polled.Milliseconds())
	return p
}

func (t *turn) openEnv(ctx context.Context) error {
	env, err := t.sealer.Open(ctx, t.j.ID, t.j.EnvSealed)
	if err != nil {
		return fmt.Errorf("open environment: %w", err)
	}
	t.env, t.redact = env, newRedactor(env)
	return nil
}

// handOver gives the job to a message that comes after wait.
func (t *turn) handOver(ctx context.Context, wait time.Duration) error {
	if err := t.take(t.store.HandOver(ctx, t.j, t.sum(), wait)); err != nil {
		return err
	}
	if err := t.builds.SendBuild(ctx, sqs.BuildMessage{JobID: t.j.ID, Turn: t.j.Turn, Group: t.j.UserID}, wait); err != nil {
		// This delivery is of an older turn now; reconcile sends for the newer.
		return fmt.Errorf("send build message: %w", err)
	}
	return nil
}

// fail ends the job with words for its user, then kills its sandbox. What the
// kill leaves undone, reconcile does.
func (t *turn) fail(ctx context.Context, f *failure) error {
	debugID := job.NewID()
	t.log.ErrorContext(ctx, "build failed", "debug_id", debugID, "reason", f.message, "cause", f.cause)
	if err := t.take(t.store.Fail(ctx, t.j, f.message, debugID)); err != nil {
		return err
	}
	t.say(ctx, "BUILD FAILED: "+f.message)
	if t.j.SandboxID == "" || t.j.SandboxState == job.SandboxGone {
		return nil
	}
	if err := t.e2b.Within(job.KillTime).Kill(ctx, t.j.SandboxID); err != nil && !errors.Is(err, e2b.ErrNotFound) {
		t.log.WarnContext(ctx, "kill sandbox", "sandbox_id", t.j.SandboxID, "error", err)
		return nil
	}
	return t.take(t.store.RecordKilled(ctx, t.j.ID, t.j.SandboxID))
}
