package sqs

import (
	"errors"
	"time"

	"siesta/shared/job"
)

// decision says what becomes of a message after its handler.
type decision int

// The decisions. retry is the zero value: when in doubt, the message comes
// again.
const (
	retry decision = iota
	acknowledge
	deadLetter
)

func (d decision) String() string {
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
	decision decision
}{
	// It may succeed when it comes again.
	{job.ErrUnavailable, retry},
	{job.ErrLater, retry},
	{job.ErrConflict, retry}, // the next delivery reads what the faster one wrote
	{job.ErrSandboxUnreachable, retry},
	{job.ErrSandboxBusy, retry},

	// It never will, and somebody has to look at it.
	{job.ErrBadMessage, deadLetter},
	{job.ErrInvalid, deadLetter},
	{job.ErrTooLarge, deadLetter},
	{job.ErrForeign, deadLetter},
	{job.ErrNotFound, deadLetter},
	{job.ErrPrevious, deadLetter},
	{job.ErrIdempotencyKey, deadLetter},
	{job.ErrUnauthenticated, deadLetter},

	// There is nothing left to do.
	{job.ErrTerminal, acknowledge},
	{job.ErrNotReady, acknowledge},
	{job.ErrSandboxExpired, acknowledge},
}

// decide looks up what a handler's error means for its message. No error is
// acknowledge; a *RetryAfter, and whatever is not in the table, is retry.
func decide(err error) decision {
	if err == nil {
		return acknowledge
	}
	var after *RetryAfter
	if errors.As(err, &after) {
		return retry
	}
	for _, d := range decisions {
		if errors.Is(err, d.err) {
			return d.decision
		}
	}
	return retry
}
