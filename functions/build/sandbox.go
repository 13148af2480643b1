package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

var (
	// errUnanswered: a create may still be under way, or may have been lost.
	errUnanswered = errors.New("create has no answer yet")
	// errOutOfReach: a create made a sandbox that cannot be used. Another create
	// would make a second one.
	errOutOfReach = errors.New("sandbox has an id that cannot be used")
)

// obtainSandbox leaves the turn connected to the job's sandbox: the one that the row
// names, or that of the version that it starts from, or the one that an earlier
// create made, or a new one.
func (t *turn) obtainSandbox(ctx context.Context) error {
	if t.j.SandboxID == "" && t.j.BaseJobID != "" && !t.j.Rebuild && t.j.CreateNo == 0 {
		if err := t.takeOver(ctx); err != nil {
			return err
		}
	}
	if t.j.SandboxID != "" {
		err := t.connect(ctx)
		var f *failure
		if errors.As(err, &f) && f.lost && t.j.Took() && t.j.KeptHash == "" {
			return t.startAnew(ctx, err)
		}
		return err
	}
	if t.j.CreateNo > 0 {
		found, err := t.find(ctx)
		if err != nil { // nothing is known, nothing is done
			t.noSandbox = err
			return waitFor(max(lookAgain, retryAfter(err)))
		}
		if found != "" {
			if err := t.take(t.store.RecordSandbox(ctx, t.j, found, job.BuildTTL+t.PauseAfter)); err != nil {
				return err
			}
			return t.connect(ctx)
		}
		if !t.j.CreateSentAt.IsZero() && t.j.ReadAt.Sub(t.j.CreateSentAt) < job.Grace {
			t.noSandbox = errUnanswered
			return waitFor(lookAgain)
		}
	}
	return t.create(ctx)
}

// find looks for the sandbox of the newest create call by its tag. It does not
// wait long for a list that E2B puts off: the next turn does, at no cost.
func (t *turn) find(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	tags := job.Tags(t.StackTag, t.j.ID, t.j.CreateNo)
	listed, err := t.e2b.List(ctx, e2b.Filter{Metadata: tags})
	if err != nil {
		return "", err
	}
	if len(listed.Odd) > 0 {
		t.log.WarnContext(ctx, "list has entries that are no sandbox", "entries", len(listed.Odd))
	}
	for _, s := range listed.Sandboxes {
		if s.Tagged(tags) { // whatever the filter let through
			return s.ID, nil
		}
	}
	if slices.ContainsFunc(listed.Odd, func(s e2b.Sandbox) bool { return s.Metadata == nil || s.Tagged(tags) }) {
		return "", errOutOfReach
	}
	return "", nil
}

// connect reaches the sandbox of an earlier turn and puts off its time-out.
func (t *turn) connect(ctx context.Context) error {
	if time.Now().After(t.sendBy) {
		return waitFor(minWait)
	}
	ttl := job.BuildTTL + t.PauseAfter
	sending, cancel := context.WithDeadline(ctx, t.sendBy)
	defer cancel()
	sandbox, _, err := t.e2b.Connect(sending, t.j.SandboxID, ttl)
	rebooted := errors.Is(err, e2b.ErrGuestHung) && t.j.Took() && (t.j.KeptHash == "" || t.j.GivesBack())
	if rebooted { // what is in it is another version's, or is put back and proved by its hash
		sandbox, _, err = t.e2b.Reboot(sending, t.j.SandboxID, ttl)
	}
	if err != nil {
		return t.notConnected(ctx, err)
	}
	if err := t.take(t.store.RecordConnected(ctx, t.j, ttl)); err != nil {
		return err
	}
	t.envd = envd.Of(t.e2b, sandbox)
	if rebooted {
		return t.mark(ctx)
	}
	return t.recognize(ctx)
}

// recognize marks the sandbox, or fails the build if E2B brought back older files. That
// it ran all the time is no proof: the answer that told of its sleep may have been lost.
func (t *turn) recognize(ctx context.Context) error {
	marker, missing := 0, error(nil)
	err := t.write(ctx, func(ctx context.Context) (err error) {
		marker, err = t.envd.RaiseMarker(ctx, t.j.MarkerEpoch, t.j.Epoch)
		if errors.Is(err, envd.ErrNoMarker) {
			missing, err = err, nil
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case missing != nil && t.j.MarkerEpoch == 0:
		return t.mark(ctx) // its first turn died before it wrote one
	case missing != nil && t.j.GivesBack():
		return t.mark(ctx) // what is put back is proved by its hash
	case missing != nil:
		return failed(missing, "The folder /home/user/.siesta, where the build keeps its records in the sandbox, is gone. A command of the build may have removed it.")
	case marker < t.j.MarkerEpoch:
		return lost(nil, "The sandbox came back without its latest files. Please try again.")
	}
	return t.recordMarker(ctx)
}

func (t *turn) notConnected(ctx context.Context, err error) error {
	t.noSandbox = err
	switch {
	case errors.Is(err, e2b.ErrNotFound):
		if !t.j.MissingSince.IsZero() && t.j.ReadAt.Sub(t.j.MissingSince) > job.Grace {
			return lost(err, "The sandbox of this build was lost. Please try again.")
		}
		if err := t.take(t.store.RecordBuildMissing(ctx, t.j)); err != nil {
			return err
		}
		return waitFor(missingAgain)
	case errors.Is(err, e2b.ErrGuestHung): // half a build, with none of its processes
		return failed(err, "The sandbox of this build stopped responding. Please try again.")
	case errors.Is(err, e2b.ErrRefused):
		return failed(err, "The sandbox service refused to go on with this build's sandbox.")
	case noEffect(err), errors.Is(err, e2b.ErrInTransition):
		return waitFor(max(capacityWait, retryAfter(err)))
	default:
		return fmt.Errorf("connect sandbox: %w", err)
	}
}

// mark writes the turn's epoch into the sandbox before anything else is done
// there: so every snapshot that E2B may still bring back is marked older than the
// row, for the next turn and for a resume.
func (t *turn) mark(ctx context.Context) error {
	err := t.write(ctx, func(ctx context.Context) error { return t.envd.WriteMarker(ctx, t.j.Epoch) })
	if err != nil {
		return err
	}
	return t.recordMarker(ctx)
}

// write is a look that writes the marker, which may be repeated: it is never lowered.
func (t *turn) write(ctx context.Context, marker func(context.Context) error) error {
	var barred error
	err := t.look(ctx, func(ctx context.Context) error {
		err := marker(ctx)
		if errors.Is(err, e2b.ErrRefused) {
			barred, err = err, nil
		}
		return err
	})
	if barred != nil && err == nil {
		err = failed(barred, "The folder /home/user/.siesta in the sandbox, where the build keeps its records, cannot be written. "+
			"The disk may be full, a command of the build may have replaced the folder, or the template's own user may not write there.")
	}
	return err
}

func (t *turn) recordMarker(ctx context.Context) error {
	row, err := t.store.RecordMarker(ctx, t.j.ID, t.j.Epoch)
	if err == nil && (row.Claim != t.j.Claim || row.GivesBack() != t.j.GivesBack()) { // not this builder's row any more
		return job.ErrConflict
	}
	return t.take(row, err)
}

// noEffect reports whether a call definitely had no effect, and may do better
// later.
func noEffect(err error) bool {
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
