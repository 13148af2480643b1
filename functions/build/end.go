package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/sqs"
)

// failure ends a job: it will not get better by trying again.
type failure struct {
	message string // for the job's user
	cause   error  // for the log; may be nil
	lost    bool   // its sandbox is gone, or not what the build left there
	kind    metrics.Name
}

// counted is what a failed job counts as: by its sandbox where that, or E2B, is the
// cause; what fills or blocks it is the app's.
func (f *failure) counted() metrics.Name {
	var call *e2b.Error
	switch {
	case f.kind != "":
		return f.kind
	case f.lost, errors.As(f.cause, &call) && !errors.Is(call, e2b.ErrNoSpace) && !errors.Is(call, e2b.ErrBlocked):
		return metrics.JobsFailedSandbox
	}
	return metrics.JobsFailedApp
}

func (f *failure) Error() string { return f.message }
func (f *failure) Unwrap() error { return f.cause }

func failed(cause error, format string, args ...any) error {
	return &failure{message: fmt.Sprintf(format, args...), cause: cause}
}

// lost is failed for a sandbox that is lost.
func lost(cause error, format string, args ...any) error {
	return &failure{message: fmt.Sprintf(format, args...), cause: cause, lost: true}
}

// waiting ends a turn, but not its job: the next turn comes after the wait.
type waiting struct{ wait time.Duration }

func (w waiting) Error() string { return fmt.Sprintf("the next turn comes after %s", w.wait) }

func waitFor(d time.Duration) error { return waiting{d} }

// tell writes the turn's one line. As the share of turns, its metric shows when
// E2B takes no builds: such turns hand over, so no queue grows and nothing fails.
func (t *turn) tell(ctx context.Context, wait time.Duration, err error) {
	without := 0
	if t.noSandbox != nil {
		without = 1
	}
	metrics.Count(ctx, metrics.TurnsWithoutSandbox, without)
	metrics.Write(ctx, t.log, "turn",
		slog.String("status", string(t.j.Status)), slog.String("sandbox_id", t.j.SandboxID),
		slog.Any("sandbox_error", t.noSandbox), slog.Any("error", err),
		slog.Int64("wait_ms", wait.Milliseconds()), slog.Int64("took_ms", time.Since(t.claimed).Milliseconds()))
}

// leaseLeft is the time until this turn's job can be claimed again.
func (t *turn) leaseLeft() time.Duration {
	return job.Lease - time.Since(t.claimed) + time.Second
}

// handOver gives the job to a message that comes after wait.
func (t *turn) handOver(ctx context.Context, wait time.Duration) error {
	if err := t.take(t.store.HandOver(ctx, t.j, t.sum(), wait)); err != nil {
		return err
	}
	if err := t.builds.SendBuild(ctx, sqs.Turn(t.j), wait); err != nil {
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
	t.say(ctx, "BUILD FAILED: "+f.message)
	t.keepLog(ctx)
	if err := t.take(t.store.Fail(ctx, t.j, f.message, debugID)); err != nil {
		return err
	}
	metrics.Ended(ctx, f.counted())
	if t.j.SandboxID == "" || t.j.SandboxState == job.SandboxGone {
		return nil
	}
	if !t.kill(ctx, t.j.SandboxID) {
		return nil
	}
	return t.take(t.store.RecordKilled(ctx, t.j.ID, t.j.SandboxID))
}

// kill reports whether E2B says that a sandbox is gone. What it does not say,
// reconcile hears.
func (t *turn) kill(ctx context.Context, sandboxID string) bool {
	err := t.e2b.Within(job.KillTime).Kill(ctx, sandboxID)
	if err != nil && !errors.Is(err, e2b.ErrNotFound) {
		t.log.WarnContext(ctx, "kill sandbox", "sandbox_id", sandboxID, "error", err)
		return false
	}
	return true
}
