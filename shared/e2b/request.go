package e2b

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"siesta/shared/job"
	"siesta/shared/metrics"
)

const (
	// readTime bounds one try of a call that changes nothing.
	readTime = 20 * time.Second

	maxTries   = 4
	minBackoff = 100 * time.Millisecond // before the second try; doubled for each further one
	maxBody    = 8 << 20                // a page of 100 sandboxes with all their metadata
)

// Op names a call, in errors and in the table of what their answers mean.
type Op string

// The calls that a lifecycle needs.
const (
	OpCreate  Op = "create"
	OpGet     Op = "get"
	OpList    Op = "list"
	OpConnect Op = "connect"
	OpPause   Op = "pause"
	OpKill    Op = "kill"
)

// changes reports whether the call changes anything at E2B.
func (op Op) changes() bool { return op != OpGet && op != OpList }

// request is one call: what to send, and which statuses mean success.
type request struct {
	op      Op
	method  string
	path    string // with its query
	key     string // Idempotency-Key; "": none
	body    any    // nil: none
	success []int
}

// response is the answer to a call that succeeded.
type response struct {
	status int
	header http.Header
	body   []byte
}

// do makes a call, and counts it.
func (c *Client) do(ctx context.Context, r request) (response, error) {
	started := time.Now()
	ans, err := c.call(ctx, r)
	op := string(r.op)
	metrics.Took(ctx, metrics.Call(op), time.Since(started))
	switch {
	case err == nil, errors.Is(err, ErrNotFound), errors.Is(err, ErrPaused), errors.Is(err, ErrInTransition), errors.Is(err, ErrGuestHung):
		// E2B did it, or said how the sandbox is.
	case errors.Is(err, ErrUnknown), errors.Is(err, ErrNotSent):
		metrics.Count(ctx, metrics.Unanswered(op), 1)
	default: // it will not, or not now
		metrics.Count(ctx, metrics.Refused(op), 1)
	}
	return ans, err
}

// call makes a call, with every repetition that cannot do harm. The error is
// always an *Error.
func (c *Client) call(ctx context.Context, r request) (response, error) {
	var payload []byte
	if r.body != nil {
		var err error
		if payload, err = json.Marshal(r.body); err != nil {
			return response{}, &Error{Op: r.op, Kind: ErrNotSent, Cause: err}
		}
	}
	if r.op.changes() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, job.SendTime)
		defer cancel()
	}
	refreshed := false
	for try := 1; ; try++ {
		ans, err := c.try(ctx, r, payload, refreshed)
		if err == nil {
			return ans, nil
		}
		if err.Kind == ErrKey && !refreshed {
			refreshed = true
			continue
		}
		wait, again := repeat(err, try, c.backoff)
		if !again || !sleep(ctx, wait) {
			return response{}, err
		}
	}
}

// repeat is the one place that decides whether a call may be made again, and
// after how long: one that was never sent always; one that does no harm twice
// when E2B says so, in so many words; where it does not say, one that changes
// nothing when a later answer may be a better one; any other never.
func repeat(e *Error, try int, backoff time.Duration) (time.Duration, bool) {
	if try >= maxTries {
		return 0, false
	}
	backoff <<= try - 1
	wait := max(e.RetryAfter, backoff/2+rand.N(backoff))
	switch {
	case e.Kind == ErrNotSent:
		return wait, true
	case e.Again != nil && (!e.Op.changes() || e.Op == OpConnect):
		return wait, *e.Again
	case e.Op.changes():
		return 0, false
	default:
		return wait, e.Kind == ErrRateLimited || e.Kind == ErrUnknown
	}
}

// sleep waits, unless ctx would be over before the wait is.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// try makes a call once. For a call that changes E2B, ctx bounds the sending
// alone: E2B abandons a pause whose request is cancelled, and may destroy the
// sandbox, so from the first byte on only the client's own patience counts.
func (c *Client) try(ctx context.Context, r request, payload []byte, refresh bool) (response, *Error) {
	key, err := c.config.Key(ctx, refresh)
	if err != nil {
		return response{}, &Error{Op: r.op, Kind: ErrNotSent, Cause: fmt.Errorf("get API key: %w", err)}
	}

	parent, patience := ctx, readTime
	if r.op.changes() {
		parent, patience = context.WithoutCancel(ctx), c.patience
	}
	wait, cancel := context.WithTimeout(parent, patience)
	defer cancel()
	var sent atomic.Bool
	unsent := context.AfterFunc(ctx, cancel)
	defer unsent()
	wait = httptrace.WithClientTrace(wait, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		// The last moment before the request is written. A closed connection
		// takes no byte, whatever the transport does next.
		if sent.Load() || unsent() {
			sent.Store(true)
			return
		}
		_ = info.Conn.Close()
	}})

	req, err := http.NewRequestWithContext(wait, r.method, c.config.APIURL+r.path, bytes.NewReader(payload))
	if err != nil {
		return response{}, &Error{Op: r.op, Kind: ErrNotSent, Cause: withoutURL(err)}
	}
	req.Header.Set("X-API-Key", key.Reveal())
	req.Header.Set("User-Agent", "siesta")
	if r.key != "" {
		// Under its usual spelling, Go's transport would take it for leave to send
		// the request again; but E2B may not keep keys.
		req.Header["idempotency-key"] = []string{r.key}
	}
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		kind := ErrUnknown
		if !sent.Load() {
			kind = ErrNotSent
		}
		return response{}, &Error{Op: r.op, Kind: kind, Cause: withoutURL(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if !slices.Contains(r.success, resp.StatusCode) {
		return response{}, parseFailure(r.op, resp.StatusCode, resp.Header, body)
	}
	if err == nil && len(body) > maxBody {
		err = errors.New("answer is too long")
	}
	if err != nil {
		return response{}, &Error{Op: r.op, Status: resp.StatusCode, Kind: ErrUnknown, Cause: err}
	}
	return response{resp.StatusCode, resp.Header, body}, nil
}

// withoutURL is the error of a call without its address, whose path is partly
// E2B_API_URL's and may hold a token there. The Op says which call it was.
func withoutURL(err error) error {
	var about *url.Error
	if errors.As(err, &about) {
		return about.Err
	}
	return err
}
