package sqs

import (
	"errors"
	"time"

	"siesta/shared/job"
)

// Decision says what becomes of a message after its handler.
type Decision int

// The decisions. Retry is the zero value: when in doubt, the message comes
// again.
const (
	Retry Decision = iota
	Acknowledge
	DeadLetter
)

func (d Decision) String() string {
	return [...]string{"retry", "acknowledge", "dead-letter"}[d]
}

// RetryAfter is an error that makes a message visible again after Delay.
type RetryAfter struct {
	Delay time.Duration
	Err   error
}

func (e *RetryAfter) Error() string { return e.Err.Error() }

func (e *RetryAfter) Unwrap() error { return e.Err }

// decisions is the whole table, for every sentinel of the domain. An error that
// matches several takes the first.
var decisions = []struct {
	err      error
	decision Decision
}{
	// It may succeed when it comes again.
	{job.ErrUnavailable, Retry},
	{job.ErrLater, Retry},
	{job.ErrConflict, Retry}, // the next delivery reads what the faster one wrote
	{job.ErrSandboxUnreachable, Retry},
	{job.ErrSandboxBusy, Retry},
	{job.ErrSandboxNotFound, Retry}, // a single 404 is never believed
	{job.ErrSandboxPaused, Retry},   // true only once it is recorded
	{job.ErrSandboxInTransition, Retry},
	{job.ErrUnauthorized, Retry}, // until somebody puts the right key in
	{job.ErrSandboxLimit, Retry},
	{job.ErrRateLimited, Retry},
	{job.ErrSandboxFailed, Retry},
	{job.ErrNoCapacity, Retry},
	{job.ErrUnknownOutcome, Retry},
	{job.ErrNotSent, Retry},

	// It never will, and somebody has to look at it.
	{job.ErrBadMessage, DeadLetter},
	{job.ErrInvalid, DeadLetter},
	{job.ErrTooLarge, DeadLetter},
	{job.ErrForeign, DeadLetter},
	{job.ErrNotFound, DeadLetter},
	{job.ErrPrevious, DeadLetter},
	{job.ErrIdempotencyKey, DeadLetter},
	{job.ErrUnauthenticated, DeadLetter},

	// There is nothing left to do.
	{job.ErrTerminal, Acknowledge},
	{job.ErrNotReady, Acknowledge},
	{job.ErrSandboxExpired, Acknowledge},
	{job.ErrSandboxRefused, Acknowledge},
}

// Decide looks up what a handler's error means for its message. No error is
// Acknowledge; a *RetryAfter, and whatever is not in the table, is Retry.
func Decide(err error) Decision {
	if err == nil {
		return Acknowledge
	}
	var after *RetryAfter
	if errors.As(err, &after) {
		return Retry
	}
	for _, d := range decisions {
		if errors.Is(err, d.err) {
			return d.decision
		}
	}
	return Retry
}
