package envd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"siesta/shared/e2b"
)

// Error is a call into a sandbox that did not end well. It matches exactly one
// outcome of e2b, or fs.ErrNotExist or fs.ErrExist for a file or
// process. Its text is for logs, never for users.
type Error struct {
	Op      string // what was tried
	Status  int    // HTTP status; 0 when there was no answer, or an RPC's
	Message string // what envd or the edge said, shortened

	kind  error // the sentinel
	cause error // what the network said
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Op, e.kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %q", e.Message)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.kind }

const maxFailure = 16 << 10

// edgeFailure is an answer of the edge; nil: it is one of envd. A 502 without a port means that no sandbox of that id
// runs: paused, killed and unknown look the same.
func edgeFailure(resp *http.Response) error {
	if resp.StatusCode < 400 {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxFailure))
	if err != nil {
		return err
	}
	edge, ok := e2b.ParseEdge(body)
	if !ok {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
		return nil
	}
	kind := e2b.ErrUnknown
	switch resp.StatusCode {
	case http.StatusBadGateway:
		if edge.Port == 0 {
			kind = e2b.ErrNotFound
		}
	case http.StatusConflict:
		kind = e2b.ErrInTransition
	case http.StatusTooManyRequests:
		kind = limitKind(resp.Header)
	case http.StatusUnauthorized, http.StatusForbidden:
		kind = e2b.ErrKey
	case http.StatusBadRequest:
		kind = e2b.ErrRefused
	}
	return &Error{Op: "reach sandbox", Status: resp.StatusCode, Message: shorten(edge.Message), kind: kind}
}

func limitKind(h http.Header) error {
	if h.Get("Retry-After") != "" {
		return e2b.ErrRateLimited
	}
	return e2b.ErrLimit
}

// httpFailure gives an answer of envd's HTTP API that is no success its
// meaning.
func httpFailure(op string, resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxFailure))
	var own struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &own) // a body that is none has no message
	kind := e2b.ErrUnknown
	switch resp.StatusCode {
	case http.StatusNotFound:
		kind = fs.ErrNotExist
	case http.StatusUnauthorized:
		kind = e2b.ErrKey
	case http.StatusTooManyRequests:
		kind = limitKind(resp.Header)
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotAcceptable, http.StatusUnsupportedMediaType,
		http.StatusInsufficientStorage:
		kind = e2b.ErrRefused
	}
	return &Error{Op: op, Status: resp.StatusCode, Message: shorten(own.Message), kind: kind}
}

// failure gives any other error of a call its meaning: one of the edge's, one
// of an RPC, or none of either, after which the outcome is unknown.
func failure(op string, err error) error {
	if err == nil {
		return nil
	}
	var edge *Error
	if errors.As(err, &edge) {
		return &Error{Op: op, Status: edge.Status, Message: edge.Message, kind: edge.kind, cause: edge.cause}
	}
	// A refused token is answered before the RPC is, in plain HTTP.
	var rpc *connect.Error
	if !errors.As(err, &rpc) || !connect.IsWireError(err) && rpc.Code() != connect.CodeUnauthenticated {
		return &Error{Op: op, kind: e2b.ErrUnknown, cause: err}
	}
	kind := e2b.ErrUnknown
	switch rpc.Code() {
	case connect.CodeNotFound:
		kind = fs.ErrNotExist
	case connect.CodeAlreadyExists:
		kind = fs.ErrExist
	case connect.CodeUnauthenticated:
		kind = e2b.ErrKey
	case connect.CodeInvalidArgument, connect.CodeFailedPrecondition, connect.CodePermissionDenied,
		connect.CodeUnimplemented, connect.CodeResourceExhausted:
		kind = e2b.ErrRefused
	}
	return &Error{Op: op, Message: shorten(rpc.Message()), kind: kind}
}

func shorten(s string) string {
	if len(s) > 300 {
		s = s[:300]
	}
	return strings.ToValidUTF8(s, "")
}
