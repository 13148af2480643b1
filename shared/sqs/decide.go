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

// decisions is the whole table: what a handler can fail with that is no
// *RetryAfter. Anything else comes again, too, until the queue has had enough.
var decisions = []struct {
	err      error
	decision decision
}{
	{job.ErrUnavailable, retry}, // whatever else it is
	{job.ErrBadMessage, deadLetter},
	{job.ErrInvalid, deadLetter},
	{job.ErrForeign, deadLetter},
	{job.ErrPrevious, deadLetter},
	{job.ErrPreviousFailed, deadLetter},
	{job.ErrNotKept, deadLetter},
	{job.ErrMoved, deadLetter},
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
