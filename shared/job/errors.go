package job

import (
	"errors"
	"time"
)

// What can go wrong with a job. Two tables give these a meaning at the edges:
// shared/api to HTTP, shared/sqs to acknowledge or retry.
var (
	// ErrNotFound: no such job, or it is somebody else's.
	ErrNotFound = errors.New("job not found")
	// ErrConflict: the row was not in the state that a write expected; somebody
	// was faster. Re-read.
	ErrConflict = errors.New("state changed meanwhile")
	// ErrNotKept: the code of a version is not kept, or no longer.
	ErrNotKept = errors.New("code is not kept")
	// ErrPreviousBuilds: the version that a request starts from is not built yet.
	ErrPreviousBuilds = errors.New("previous job is not finished")
	// ErrPreviousFailed: the version that a request starts from failed.
	ErrPreviousFailed = errors.New("previous job failed")
	// ErrMoved: an iteration has the sandbox; every MovedError matches it.
	ErrMoved = errors.New("sandbox has moved")
	// ErrTerminal: the job is ready or failed already.
	ErrTerminal = errors.New("job is in a terminal state")
	// ErrNotReady: the call needs a READY job.
	ErrNotReady = errors.New("job is not ready")
	// ErrInvalid: the input is wrong; every InvalidError matches it.
	ErrInvalid = errors.New("invalid input")
	// ErrIdempotencyKey: the key was used before with another body.
	ErrIdempotencyKey = errors.New("idempotency key was used with another request")
	// ErrPrevious: previous_job_id names no job of this user and project.
	ErrPrevious = errors.New("previous job not found")
	// ErrForeign: the job id exists under another owner.
	ErrForeign = errors.New("job id belongs to another owner")
	// ErrTooManyWaiting: as many of the user's jobs wait as may.
	ErrTooManyWaiting = errors.New("too many jobs of the user wait")
	// ErrUnauthenticated: the call carries no checked identity.
	ErrUnauthenticated = errors.New("not authenticated")
	// ErrTooLarge: the request's body is over the limit.
	ErrTooLarge = errors.New("request too large")
	// ErrUnavailable: a store or queue that the call needs did not answer.
	ErrUnavailable = errors.New("service unavailable")
	// ErrBadMessage: a queue message that can never succeed.
	ErrBadMessage = errors.New("message can never succeed")
	// ErrLater: not now; the message must come again.
	ErrLater = errors.New("not now")
	// ErrSandboxExpired: the preview's sandbox is gone for good.
	ErrSandboxExpired = errors.New("sandbox expired")
	// ErrSandboxUnreachable: the preview could not be brought back this time.
	ErrSandboxUnreachable = errors.New("sandbox unreachable")
	// ErrSandboxBusy: a resume is under way.
	ErrSandboxBusy = errors.New("sandbox is busy")
	// ErrWaking: as many of the user's previews are being woken as may be at a
	// time.
	ErrWaking = errors.New("too many previews are being woken")
	// ErrNoLink: no share link of this stack.
	ErrNoLink = errors.New("no such share link")
	// ErrLinkEnded: a share link whose time is over, or that its owner ended.
	ErrLinkEnded = errors.New("share link has ended")
	// ErrCrossSite: a post that did not come from the preview page itself.
	ErrCrossSite = errors.New("post from elsewhere")
	// ErrLimit: a limit of the user's tier is reached; every LimitError matches
	// it.
	ErrLimit = errors.New("limit reached")
)

// InvalidError is an input error in words for the one who sent it.
type InvalidError struct {
	Field  string // dotted path, such as source.files
	Reason string // a clause: "must be a UUID"
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// Is makes every InvalidError match ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// LimitError is a limit of the user's tier, or of a link, that is reached, in words for
// who is told.
type LimitError struct {
	Reason     string
	RetryAfter time.Duration // until there may be room again
}

func (e *LimitError) Error() string { return e.Reason }

// Is makes every LimitError match ErrLimit.
func (e *LimitError) Is(target error) bool { return target == ErrLimit }

// MovedError is that an iteration has the sandbox of a version, or is about to.
type MovedError struct {
	To       string // the iteration's id
	Version  string // and what it is called
	Building bool   // it is not finished
}

func (e *MovedError) Error() string {
	if e.Building {
		return e.Version + " is being made from this version"
	}
	return e.Version + " was made from this version, and has its preview"
}

// Is makes every MovedError match ErrMoved.
func (e *MovedError) Is(target error) bool { return target == ErrMoved }

// MovedTo is what to say of a version whose sandbox j has, or is about to have.
func MovedTo(j Job) error {
	return &MovedError{To: j.ID, Version: j.BuildVersion, Building: !j.Status.Terminal()}
}

func invalid(field, reason string) error { return &InvalidError{Field: field, Reason: reason} }
