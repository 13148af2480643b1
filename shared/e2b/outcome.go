package e2b

import "errors"

// What a call to E2B can come back with: every answer has exactly one of these
// meanings.
var (
	// ErrNotFound: 404. Never believed on its own.
	ErrNotFound = errors.New("e2b: sandbox not found")
	// ErrPaused: 409 on pause; it sleeps already.
	ErrPaused = errors.New("e2b: sandbox is paused already")
	// ErrInTransition: 409 on anything else; E2B is busy with it.
	ErrInTransition = errors.New("e2b: sandbox is in transition")
	// ErrGuestHung: 409 on Connect, in E2B's own words: the daemon inside did
	// not answer when the sandbox was paused, so the memory that was kept is of
	// no use, now or later. It still sleeps; Reboot brings it up.
	ErrGuestHung = errors.New("e2b: guest hung at its pause")
	// ErrRefused: 400, 402, 403; the plan or the arguments forbid it.
	// Repeating the call will not help.
	ErrRefused = errors.New("e2b: refused")
	// ErrKey: 401; our API key is wrong, after one fresh fetch of it, or a
	// sandbox does not take the token that E2B gave us for it.
	ErrKey = errors.New("e2b: key refused")
	// ErrLimit: 429 without Retry-After; too many sandboxes run.
	ErrLimit = errors.New("e2b: concurrency limit reached")
	// ErrRateLimited: 429 with Retry-After.
	ErrRateLimited = errors.New("e2b: rate limited")
	// ErrFailed: 500 in E2B's own JSON: the call ended, and badly. After
	// a pause the sandbox's state may be lost.
	ErrFailed = errors.New("e2b: call failed")
	// ErrNoCapacity: 503 or 504 in E2B's own JSON on create or connect.
	ErrNoCapacity = errors.New("e2b: no capacity")
	// ErrBusy: 503 in E2B's own JSON on Pause: it cannot be paused now.
	// Nothing happened, it runs on; Error.RetryAfter says when to ask again.
	ErrBusy = errors.New("e2b: busy, not paused")
	// ErrNotSent: E2B could not be reached, or the time in which the call might
	// be sent had passed: it was not made and had no effect.
	ErrNotSent = errors.New("e2b: call not sent")
	// ErrUnknown: no answer, or none of E2B's own: the call may or may
	// not have taken effect.
	ErrUnknown = errors.New("e2b: outcome unknown")
)
