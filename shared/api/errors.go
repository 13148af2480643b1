package api

import (
	"errors"
	"net/http"
	"time"

	"siesta/shared/job"
)

// row is what a caller learns of an error: nothing of the error's own text.
type row struct {
	err        error
	status     int
	message    string
	errorType  string // set: detail is an object with this beside the message
	movedTo    string // set: the detail has it, too
	retryAfter time.Duration
}

// table holds what a function can fail with, beside a *job.InvalidError, a
// *job.LimitError and a *job.MovedError, which have words of their own. The first row that an error
// matches counts; an error that matches none is an internal one.
var table = []row{
	{err: job.ErrUnauthenticated, status: http.StatusUnauthorized, message: "Not authenticated"},
	{err: job.ErrNotFound, status: http.StatusNotFound, message: "Job not found"},
	{err: job.ErrForeign, status: http.StatusNotFound, message: "Job not found"},
	{err: job.ErrPrevious, status: http.StatusNotFound, message: "Previous job not found"},
	{err: job.ErrTooLarge, status: http.StatusRequestEntityTooLarge, message: "The request is too large: with all that belongs to it, it may have 6 MB"},
	{err: job.ErrIdempotencyKey, status: http.StatusUnprocessableEntity, message: "This Idempotency-Key was used before, with another request"},
	{err: job.ErrTooManyWaiting, status: http.StatusTooManyRequests, message: "As many of your jobs wait to begin as your plan allows; try again when one has begun, or cancel one", retryAfter: time.Minute},
	{err: job.ErrNotReady, status: http.StatusUnprocessableEntity, message: "Job is not READY"},
	{err: job.ErrNotKept, status: http.StatusUnprocessableEntity, message: "The code of this version is not kept, or no longer; send it again to build it"},
	{err: job.ErrPreviousBuilds, status: http.StatusConflict, message: "The version to start from is still being built, try again when it is READY", retryAfter: 5 * time.Second},
	{err: job.ErrPreviousFailed, status: http.StatusUnprocessableEntity, message: "The version to start from failed; start from one that is READY"},
	{err: job.ErrTerminal, status: http.StatusConflict, message: "Job is already in a terminal state"},
	{err: job.ErrConflict, status: http.StatusConflict, message: "The job changed meanwhile, try again", retryAfter: time.Second},
	{err: job.ErrSandboxBusy, status: http.StatusConflict, message: "The preview is being resumed, try again", retryAfter: 2 * time.Second},
	{err: job.ErrWaking, status: http.StatusTooManyRequests, message: "Too many of your previews are being woken at a time, try again", retryAfter: time.Second},
	{err: job.ErrSandboxExpired, status: http.StatusServiceUnavailable, message: "The preview's sandbox is gone; build again to get a new one", errorType: "sandbox_expired"},
	{err: job.ErrSandboxUnreachable, status: http.StatusServiceUnavailable, message: "The preview could not be brought back this time, try again", errorType: "sandbox_unreachable", retryAfter: 5 * time.Second},
	{err: job.ErrNoLink, status: http.StatusNotFound, message: "There is no such link"},
	{err: job.ErrLinkEnded, status: http.StatusGone, message: "This link is no longer available; ask who shared it"},
	{err: job.ErrCrossSite, status: http.StatusForbidden, message: "Only the preview page itself may ask for this"},
	{err: job.ErrUnavailable, status: http.StatusServiceUnavailable, message: "Service is unavailable for the moment, try again", retryAfter: 5 * time.Second},
}

// internal answers what nobody foresaw.
var internal = row{status: http.StatusInternalServerError, message: "Internal server error"}

// Told is what a caller is told of an error.
type Told struct {
	Err     error // of shared/job
	Status  int
	Message string

	RetryAfter time.Duration // 0: nobody knows
}

// Table is the whole table, for who proves that each row can arrive.
func Table() []Told {
	told := make([]Told, len(table))
	for i, r := range table {
		told[i] = Told{Err: r.err, Status: r.status, Message: r.message, RetryAfter: r.retryAfter}
	}
	return told
}

func lookup(err error) row {
	var invalid *job.InvalidError
	if errors.As(err, &invalid) {
		return invalidRow(invalid)
	}
	var limit *job.LimitError
	if errors.As(err, &limit) {
		return row{status: http.StatusTooManyRequests, message: limit.Reason, retryAfter: limit.RetryAfter}
	}
	var moved *job.MovedError
	if errors.As(err, &moved) {
		return movedRow(moved)
	}
	for _, r := range table {
		if errors.Is(err, r.err) {
			return r
		}
	}
	return internal
}

// movedRow tells where a preview lives now. It may come back while that is not
// finished.
func movedRow(err *job.MovedError) row {
	r := row{status: http.StatusConflict, message: err.Error(), errorType: "moved", movedTo: err.To}
	if err.Building {
		r.retryAfter = 5 * time.Second
	}
	return r
}

// invalidRow passes on the words of an input error, which are written for the
// caller. A body that could not be read at all is a 400, a wrong field a 422.
func invalidRow(err *job.InvalidError) row {
	if err.Field == job.FieldBody {
		return row{status: http.StatusBadRequest, message: err.Error()}
	}
	return row{status: http.StatusUnprocessableEntity, message: err.Error()}
}

type errorBody struct {
	Detail  any    `json:"detail"` // a text, or an errorDetail
	DebugID string `json:"debug_id"`
}

type errorDetail struct {
	Message   string `json:"message"`
	ErrorType string `json:"error_type"`
	MovedTo   string `json:"moved_to,omitempty"`
}

func (r row) body(debugID string) errorBody {
	if r.errorType == "" {
		return errorBody{Detail: r.message, DebugID: debugID}
	}
	return errorBody{Detail: errorDetail{Message: r.message, ErrorType: r.errorType, MovedTo: r.movedTo}, DebugID: debugID}
}
