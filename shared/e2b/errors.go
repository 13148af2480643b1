package e2b

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Error is a call that did not end well: to E2B's control plane, or into a
// sandbox. It matches exactly one outcome of outcome.go; a call into a sandbox may
// match another error instead: fs.ErrNotExist or fs.ErrExist, of a file or process,
// or job.ErrInvalid, for a path that it will not write to. Its text is for logs,
// never for users.
type Error struct {
	Op         Op
	Inside     bool          // it was a call into a sandbox
	Status     int           // HTTP status; 0 when there was no answer, or an RPC's
	Code       int           // code in E2B's own JSON; 0 when the body was none
	ErrorCode  string        // error_code in it, often absent
	Message    string        // what E2B, its edge or envd said, shortened
	RetryAfter time.Duration // the server's wish; 0 when it had none
	Again      *bool         // the server's word on whether a repetition can help; nil when it had none

	Kind  error // what it means: an outcome
	Cause error // what the network, or our own check, said
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Op))
	if !e.Inside {
		b.WriteString(" sandbox")
	}
	fmt.Fprintf(&b, ": %v", e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Code != 0 && e.Code != e.Status {
		fmt.Fprintf(&b, ", code %d", e.Code)
	}
	if e.ErrorCode != "" {
		fmt.Fprintf(&b, ", %s", e.ErrorCode)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %q", e.Message)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap returns the outcome.
func (e *Error) Unwrap() error { return e.Kind }

// InsideError is a call into a sandbox that was answered with a status, 0 for
// none, and a message.
func InsideError(op string, status int, message string, kind, cause error) *Error {
	return &Error{Op: Op(op), Inside: true, Status: status, Message: shorten(message, 300), Kind: kind, Cause: cause}
}

// kindOf gives an answer that is no success its meaning.
//
// The status and the code in E2B's own JSON normally agree. Where they do not,
// the body's is the finer one inside one class (E2B's own SDKs read only that),
// and otherwise the 5xx counts, which claims less.
//
// What 5xx means differs by call. After a create nothing but a refusal before
// placement proves that no sandbox came of it: E2B's call to its node may
// outlive its answer, so even a 500 of its own is unknown, and the next try
// looks for the tag first. A pause, connect or kill that E2B itself ended with
// a 500 is over, and badly; a pause that it answered with a 503 has not begun.
// Anything else may come from a load balancer while
// E2B still works on it.
func kindOf(op Op, e Error) error {
	own := e.Code != 0
	code := e.Status
	if own && e.Code/100 == e.Status/100 || e.Code >= 500 {
		code = e.Code
	}
	switch {
	case slices.Contains(keyTaken, e.ErrorCode):
		return ErrUnknown
	case code == http.StatusUnauthorized:
		return ErrKey
	case code == http.StatusNotFound && !own:
		// This would end a sandbox, or a job, so E2B itself must have said it.
		return ErrUnknown
	case code == http.StatusNotFound && op == OpCreate:
		return ErrRefused // the template is not known
	case code == http.StatusNotFound:
		return ErrNotFound
	case code == http.StatusConflict && op == OpPause:
		// This becomes sandbox_paused, so E2B itself must have said it.
		if e.Status == http.StatusConflict && e.Code == http.StatusConflict {
			return ErrPaused
		}
		return ErrUnknown
	case code == http.StatusConflict && op == OpConnect && e.ErrorCode == guestHung:
		return ErrGuestHung
	case code == http.StatusConflict && own:
		return ErrInTransition
	case code == http.StatusTooManyRequests && e.RetryAfter > 0:
		return ErrRateLimited
	case code == http.StatusTooManyRequests:
		return ErrLimit
	case code == http.StatusRequestTimeout:
		return ErrUnknown
	case code >= 400 && code < 500 && own, own && e.ErrorCode == createRefused:
		return ErrRefused
	case own && slices.Contains(neverPlaced, e.ErrorCode) && (op == OpCreate || op == OpConnect):
		return ErrNoCapacity
	case op == OpPause && e.Status == http.StatusServiceUnavailable && e.Code == http.StatusServiceUnavailable:
		return ErrBusy
	case own && code == http.StatusInternalServerError && op != OpCreate && op.changes():
		return ErrFailed
	default:
		return ErrUnknown
	}
}

// createRefused is the error code of a sandbox that no node will ever take; it
// comes with a 5xx.
const createRefused = "sandbox_create_refused"

// neverPlaced are the error codes of a sandbox that no node took. A placement
// that timed out is not among them: a node may have been at work.
var neverPlaced = []string{"sandbox_capacity_unavailable", "sandbox_no_compatible_node"}

// keyTaken are the error codes of a create whose key an earlier one had, which
// may have made a sandbox.
var keyTaken = []string{"idempotency_in_progress", "idempotency_request_mismatch", "idempotency_outcome_unknown"}

// guestHung is the error code of a snapshot whose memory is of no use.
const guestHung = "sandbox_snapshot_guest_agent_unresponsive"

// parseFailure reads an answer that is no success, whatever its body is.
func parseFailure(op Op, status int, header http.Header, body []byte) *Error {
	e := &Error{Op: op, Status: status, RetryAfter: retryAfter(header.Get("Retry-After"), time.Now())}
	if word := header.Get("Should-Retry"); word != "" {
		again := strings.EqualFold(strings.TrimSpace(word), "true")
		e.Again = &again
	}
	var own struct {
		Code      int    `json:"code"`
		ErrorCode string `json:"error_code"`
		Message   string `json:"message"`
	}
	if json.Unmarshal(body, &own) == nil && own.Code >= 400 && own.Code < 600 {
		e.Code, e.ErrorCode, e.Message = own.Code, shorten(own.ErrorCode, 64), shorten(own.Message, 300)
	}
	e.Kind = kindOf(op, *e)
	return e
}

// retryAfter reads a Retry-After header: seconds or a date, an hour at most.
func retryAfter(value string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.Atoi(value); err == nil {
		wait = time.Duration(min(seconds, 3600)) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return max(0, min(wait, time.Hour))
}

func shorten(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "")
}
