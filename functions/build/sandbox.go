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

const (
	// lookAgain is the wait after a create whose outcome is not known yet.
	lookAgain = 15 * time.Second
	// listTime is how long a list and its repetitions may take.
	listTime = 4 * time.Second
	// capacityWait is the wait when E2B has no room or asks to be left alone.
	capacityWait = 30 * time.Second
	// missingAgain is the wait after a 404 that is not believed yet.
	missingAgain = 60 * time.Second
)

// errUnanswered: a create may still be under way, or may have been lost.
var errUnanswered = errors.New("create has no answer yet")

// obtainSandbox leaves the turn connected to the job's sandbox: the one that
// the row names, or the one that an earlier create made, or a new one. A wait
// above 0 means that there is none yet.
func (t *turn) obtainSandbox(ctx context.Context) (time.Duration, error) {
	if t.j.SandboxID != "" {
		return t.connect(ctx)
	}
	if t.j.CreateNo > 0 {
		found, err := t.find(ctx)
		if err != nil { // nothing is known, nothing is done
			t.noSandbox = err
			return max(lookAgain, retryAfter(err)), nil
		}
		if found != "" {
			if err := t.take(t.store.RecordSandbox(ctx, t.j, found, job.BuildTTL+t.PauseAfter)); err != nil {
				return 0, err
			}
			return t.connect(ctx)
		}
		if !t.j.CreateSentAt.IsZero() && t.j.ReadAt.Sub(t.j.CreateSentAt) < job.Grace {
			t.noSandbox = errUnanswered
			return lookAgain, nil
		}
	}
	return t.create(ctx)
}

// find looks for the sandbox of the newest create call by its tag. It does not
// wait long for a list that E2B puts off: the next turn does, at no cost.
func (t *turn) find(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	listed, err := t.e2b.List(ctx, e2b.Filter{Metadata: job.Tags(t.StackTag, t.j.ID, t.j.CreateNo)})
	if err != nil || len(listed) == 0 {
		return "", err
	}
	return listed[0].ID, nil
}

func (t *turn) create(ctx context.Context) (time.Duration, error) {
	if time.Now().After(t.sendBy) {
		return minWait, nil
	}
	request, err := t.store.Request(ctx, t.j.ID)
	if err != nil {
		return 0, fmt.Errorf("read request: %w", err)
	}
	if err := t.take(t.store.RecordCreate(ctx, t.j)); err != nil {
		return 0, err
	}
	sending, cancel := context.WithDeadline(ctx, t.sendBy)
	defer cancel()
	sandbox, err := t.e2b.Create(sending, e2b.Create{
		Template: request.Template, Timeout: job.BuildTTL + t.PauseAfter, Metadata: job.Tags(t.StackTag, t.j.ID, t.j.CreateNo),
	})
	if err != nil {
		return t.notCreated(ctx, err)
	}
	row, err := t.store.RecordSandbox(ctx, t.j, sandbox.ID, job.BuildTTL+t.PauseAfter)
	if errors.Is(err, job.ErrConflict) {
		return 0, t.disown(ctx, sandbox.ID)
	}
	if err := t.take(row, err); err != nil {
		return 0, err
	}
	t.envd = envd.Of(t.e2b, sandbox)
	return 0, t.mark(ctx)
}

// notCreated decides what an unsuccessful create means.
func (t *turn) notCreated(ctx context.Context, err error) (time.Duration, error) {
	t.noSandbox = err
	switch {
	case errors.Is(err, e2b.ErrRefused):
		if err := t.take(t.store.RecordNotCreated(ctx, t.j)); err != nil {
			return 0, err
		}
		return 0, failed(err, "The sandbox service refused to create a sandbox for this build.")
	case didNothing(err):
		return max(capacityWait, retryAfter(err)), t.take(t.store.RecordNotCreated(ctx, t.j))
	default: // it may exist: the lease runs out, then a list tells
		return 0, fmt.Errorf("create sandbox: %w", err)
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

// connect reaches the sandbox of an earlier turn and puts off its time-out.
func (t *turn) connect(ctx context.Context) (time.Duration, error) {
	if time.Now().After(t.sendBy) {
		return minWait, nil
	}
	ttl := job.BuildTTL + t.PauseAfter
	sending, cancel := context.WithDeadline(ctx, t.sendBy)
	defer cancel()
	sandbox, resumed, err := t.e2b.Connect(sending, t.j.SandboxID, ttl)
	if err != nil {
		return t.notConnected(ctx, err)
	}
	if err := t.take(t.store.RecordConnected(ctx, t.j, ttl)); err != nil {
		return 0, err
	}
	t.envd = envd.Of(t.e2b, sandbox)
	if resumed {
		// It slept by its time-out: nobody came for half an hour.
		marker, err := t.envd.ReadMarker(ctx)
		if err != nil {
			return 0, fmt.Errorf("read marker: %w", err)
		}
		if marker < t.j.MarkerEpoch {
			return 0, failed(nil, "The sandbox came back without its latest files. Please try again.")
		}
	}
	return 0, t.mark(ctx)
}

func (t *turn) notConnected(ctx context.Context, err error) (time.Duration, error) {
	t.noSandbox = err
	switch {
	case errors.Is(err, e2b.ErrNotFound):
		if !t.j.MissingSince.IsZero() && t.j.ReadAt.Sub(t.j.MissingSince) > job.Grace {
			return 0, failed(err, "The sandbox of this build was lost. Please try again.")
		}
		return missingAgain, t.take(t.store.RecordBuildMissing(ctx, t.j))
	case errors.Is(err, e2b.ErrRefused):
		return 0, failed(err, "The sandbox service refused to go on with this build's sandbox.")
	case didNothing(err), errors.Is(err, e2b.ErrInTransition):
		return max(capacityWait, retryAfter(err)), nil
	default:
		return 0, fmt.Errorf("connect sandbox: %w", err)
	}
}

// mark writes the epoch into the sandbox, so that a later resume can tell
// whether E2B brought back these files or older ones.
func (t *turn) mark(ctx context.Context) error {
	if t.j.MarkerEpoch >= t.j.Epoch {
		return nil
	}
	if err := t.envd.WriteMarker(ctx, t.j.Epoch); err != nil {
		return fmt.Errorf("write marker: %w", err)
	}
	row, err := t.store.RecordMarker(ctx, t.j.ID, t.j.Epoch)
	if errors.Is(err, job.ErrConflict) { // a late commit of an earlier builder
		return nil
	}
	if err == nil && row.Claim != t.j.Claim { // not this builder's row any more
		return job.ErrConflict
	}
	return t.take(row, err)
}

// didNothing reports whether a call definitely did nothing, and may do better
// later.
func didNothing(err error) bool {
	for _, later := range []error{e2b.ErrLimit, e2b.ErrRateLimited, e2b.ErrNoCapacity, e2b.ErrKey, e2b.ErrNotSent} {
		if errors.Is(err, later) {
			return true
		}
	}
	return false
}

// retryAfter is E2B's own wish, within what a queue can delay.
func retryAfter(err error) time.Duration {
	var e *e2b.Error
	if !errors.As(err, &e) {
		return 0
	}
	return min(e.RetryAfter, 10*time.Minute)
}
