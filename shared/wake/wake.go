package wake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
	"siesta/shared/sqs"
)

// wake is one call's part in one wake, from its record on. Others may share it.
type wake struct {
	*Waker
	j        job.Job
	expires  time.Time // when E2B ends the sandbox, by this process's clock
	envd     *envd.Client
	server   string          // the folder of the server's newest step; "": not known yet
	step     envd.ServerStep // the same, of the job's own; zero for another's
	failing  bool            // the app answers, and that it fails
	preview  string          // what the last look at the preview found; for the log
	settled  bool            // E2B answered: no call to it is under way
	rebooted bool            // from its disk, which may lack the newest writes
}

// bringUp connects to the sandbox, sees to it that the app answers, and says so
// in the row.
func (h *Waker) bringUp(ctx context.Context, j job.Job) (Result, error) {
	w := &wake{Waker: h, j: j}
	started := time.Now()
	err := w.work(ctx)
	took := time.Since(started)
	h.Log.InfoContext(ctx, "resume", "sandbox_id", j.SandboxID, "server", w.step.String(), "preview", w.preview, "took_ms", took.Milliseconds(), "error", err)

	// Whatever came of it is recorded, even if the call's time is up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.Times.Record)
	defer cancel()
	switch {
	case err == nil:
		return w.up(ctx, took)
	case errors.Is(err, job.ErrConflict):
		return w.movedOn(ctx, nil)
	case errors.Is(err, errOlderFiles):
		return w.lost(ctx)
	case errors.Is(err, errUnfinished):
		return w.giveUp(ctx)
	default:
		return w.failed(ctx, err)
	}
}

var (
	// errUnfinished: it is not known yet how the wake ends.
	errUnfinished = errors.New("not finished in time")
	// errOlderFiles: E2B brought back files from before the newest wake.
	errOlderFiles = errors.New("sandbox came back with older files")
	// errNoServer: the app's server is dead and cannot be brought back.
	errNoServer = errors.New("server of the app does not start")
)

// work ends with nil when the app answers; by then all that is missing is the
// record. Its other ends are the errors above, job.ErrConflict, and the outcome
// of a connect that had no effect.
func (w *wake) work(ctx context.Context) error {
	end, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(ctx, end.Add(-w.Times.Record))
	defer cancel()
	if err := w.tellCache(ctx); err != nil {
		return err
	}
	if err := w.connect(ctx); err != nil {
		return err
	}
	if w.rebooted { // so that the next call does not take these files for older ones
		if err := w.envd.WriteMarker(ctx, w.j.MarkerEpoch); err != nil {
			w.Log.WarnContext(ctx, "mark sandbox", "error", err)
		}
	}
	marker, err := w.envd.ReadMarker(ctx)
	switch {
	case errors.Is(err, envd.ErrNoMarker):
		// The app may have removed it: no proof of older files.
		w.Log.WarnContext(ctx, "sandbox has no marker", "sandbox_id", w.j.SandboxID)
	case err != nil:
		return fmt.Errorf("%w: read marker: %w", errUnfinished, err)
	case marker < w.j.MarkerEpoch && !w.rebooted:
		return fmt.Errorf("%w: marker %d, want %d", errOlderFiles, marker, w.j.MarkerEpoch)
	}
	return w.awaitApp(ctx)
}

// tellCache sees to it that nobody is told that the preview sleeps from here on. A
// cache that does not listen is waited for, until nobody believes it.
func (w *wake) tellCache(ctx context.Context) error {
	silent := time.After(w.Times.Silent)
	err := w.Cache.Tell(ctx, w.j)
	if err == nil {
		return nil
	}
	w.Log.WarnContext(ctx, "cache not told of the wake", "error", err)
	select {
	case <-silent:
		return nil
	case <-ctx.Done():
		w.settled = true // nothing was sent
		return errUnfinished
	}
}

// connect wakes the sandbox, or joins whoever does. An answer that does not
// come in time leaves the wake unfinished.
func (w *wake) connect(ctx context.Context) error {
	end, _ := ctx.Deadline()
	patience := time.Until(end) - w.Times.Send
	if patience <= 0 {
		w.settled = true // nothing was sent
		return errUnfinished
	}
	ttl := w.Time + job.WakeMargin
	w.expires = time.Now().Add(ttl)
	sending, cancel := context.WithTimeout(ctx, w.Times.Send)
	defer cancel()
	client := w.E2B.Within(patience)
	sandbox, resumed, err := client.Connect(sending, w.j.SandboxID, ttl)
	if errors.Is(err, e2b.ErrGuestHung) { // for good: only its files are left
		w.Log.WarnContext(ctx, "sandbox hung at its pause, booting it from its disk", "sandbox_id", w.j.SandboxID)
		sandbox, resumed, err = client.Reboot(sending, w.j.SandboxID, ttl)
		w.rebooted = err == nil
	}
	if errors.Is(err, e2b.ErrUnknown) {
		return fmt.Errorf("%w: %w", errUnfinished, err)
	}
	if err != nil {
		return fmt.Errorf("connect sandbox: %w", err)
	}
	w.settled = true
	w.envd = envd.Of(w.E2B, sandbox)
	if !resumed {
		w.expires = w.endOfRun(ctx)
	}
	return nil
}

// endOfRun is when a sandbox that ran already will end: E2B extends no run past
// the longest that its plan grants, and says so only when asked. No answer, or
// one from before it ran, leaves it at what was asked for.
func (w *wake) endOfRun(ctx context.Context) time.Time {
	ctx, cancel := context.WithTimeout(ctx, w.Times.Look)
	defer cancel()
	sandbox, err := w.E2B.Get(ctx, w.j.SandboxID)
	if err != nil {
		w.Log.WarnContext(ctx, "get sandbox", "sandbox_id", w.j.SandboxID, "error", err)
		return w.expires
	}
	if sandbox.State == e2b.Running && sandbox.EndAt.After(time.Now()) && sandbox.EndAt.Before(w.expires) {
		return sandbox.EndAt
	}
	return w.expires
}

// up records that the preview runs, until its pause is due.
func (w *wake) up(ctx context.Context, took time.Duration) (Result, error) {
	j, err := w.Store.RecordResumed(ctx, w.j, jobs.Run{Due: w.Time, TTL: time.Until(w.expires)})
	if errors.Is(err, job.ErrConflict) {
		return w.movedOn(ctx, nil)
	}
	if err != nil {
		return Result{}, fmt.Errorf("record resume: %w", err)
	}
	metrics.Count(ctx, metrics.WakesUp, 1)
	metrics.Took(ctx, metrics.WakeTime, took)
	w.sendPause(ctx, j, min(w.Time, sqs.MaxDelay)) // before the mark, which may take all the time that is left
	w.mark(ctx, j)
	return Result{j, true}, nil
}

// mark writes the new epoch into the sandbox, so that the next resume can tell
// these files from older ones. Without it, it tells them by an older epoch.
func (w *wake) mark(ctx context.Context, j job.Job) {
	err := w.envd.WriteMarker(ctx, j.Epoch)
	if err == nil {
		_, err = w.Store.RecordMarker(ctx, j.ID, j.Epoch)
	}
	if err != nil && !errors.Is(err, job.ErrConflict) {
		w.Log.WarnContext(ctx, "mark sandbox", "error", err)
	}
}

// giveUp lets the next call wait for what this one did not live to see.
func (w *wake) giveUp(ctx context.Context) (Result, error) {
	j, err := w.Store.GiveUpWait(ctx, w.j, w.settled)
	if errors.Is(err, job.ErrConflict) {
		return w.movedOn(ctx, nil)
	}
	if err != nil { // its time runs out instead
		w.Log.WarnContext(ctx, "give up the wait", "error", err)
		j = w.j
	}
	metrics.Count(ctx, metrics.WakesUnfinished, 1)
	w.sendPause(ctx, j, job.OpTime)
	return Result{j, false}, nil
}

// movedOn answers from the row as it is, after a write of this call found that
// somebody else had written it: 200 if the sandbox runs, sandbox_expired if it is
// gone, where it is if it has moved. In any other state the answer is the error otherwise, or, where that is
// nil, "not yet".
func (w *wake) movedOn(ctx context.Context, otherwise error) (Result, error) {
	j, err := w.Store.Get(ctx, w.j.ID)
	switch {
	case err != nil:
		return Result{}, fmt.Errorf("read job: %w", err)
	case j.SandboxState == job.SandboxGone:
		return Result{}, job.ErrSandboxExpired
	case j.SandboxState == job.SandboxMoved:
		return Result{}, w.Store.WhereTo(ctx, j)
	case j.SandboxState == job.SandboxRunning:
		return Result{j, true}, nil
	case otherwise == nil:
		return Result{j, false}, nil
	}
	if j.Epoch == w.j.Epoch {
		w.sendPause(ctx, j, j.OpUntil.Sub(j.ReadAt)+time.Second)
	}
	return Result{}, otherwise
}

// lost ends a preview whose newest files are gone.
func (w *wake) lost(ctx context.Context) (Result, error) {
	j, err := w.Store.RecordRolledBack(ctx, w.j)
	if errors.Is(err, job.ErrConflict) {
		return w.movedOn(ctx, nil)
	}
	if err != nil {
		return Result{}, fmt.Errorf("record loss: %w", err)
	}
	metrics.Count(ctx, metrics.WakesLost, 1)
	if err := w.E2B.Within(w.Times.Record).Kill(ctx, j.SandboxID); err != nil && !errors.Is(err, e2b.ErrNotFound) {
		w.Log.WarnContext(ctx, "kill sandbox", "sandbox_id", j.SandboxID, "error", err) // reconcile does it
	}
	return Result{}, job.ErrSandboxExpired
}

// failed ends a wake that came to nothing, and puts back to sleep what may
// run. While others share the wake, it is theirs to end.
func (w *wake) failed(ctx context.Context, cause error) (Result, error) {
	cause = fmt.Errorf("%w: %w", job.ErrSandboxUnreachable, cause)
	record := w.Store.RecordNotResumed
	if errors.Is(cause, e2b.ErrNotFound) {
		record = w.Store.RecordResumeMissing
	}
	j, err := record(ctx, w.j)
	if errors.Is(err, job.ErrConflict) {
		if _, err := w.Store.GiveUpWait(ctx, w.j, true); err != nil && !errors.Is(err, job.ErrConflict) {
			w.Log.WarnContext(ctx, "give up the wait", "error", err) // its time runs out instead
		}
		return w.movedOn(ctx, cause)
	}
	if err != nil {
		return Result{}, fmt.Errorf("record failed resume: %w", err)
	}
	metrics.Count(ctx, metrics.WakesFailed, 1)
	w.sendPause(ctx, j, 0)
	return Result{}, cause
}

// sendPause sends the message that puts this epoch of the sandbox to sleep. If
// it cannot be sent, reconcile sends one when it is due.
func (h *Waker) sendPause(ctx context.Context, j job.Job, delay time.Duration) {
	if err := h.Pauses.SendPause(ctx, sqs.Pause(j), delay); err != nil {
		h.Log.WarnContext(ctx, "send pause message", "error", err)
	}
}
