package envd

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"

	"connectrpc.com/connect"

	"siesta/shared/e2b"
)

// broken is a call into the sandbox that ended as kind says, without an answer that
// says so.
func broken(op string, kind, cause error) error { return e2b.InsideError(op, 0, "", kind, cause) }

const maxFailure = 16 << 10

// edgeFailure is an answer of the edge; nil: it is one of envd. A 502 without a
// port means that no sandbox of that id runs: paused, killed and unknown look the
// same.
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
	return e2b.InsideError("reach sandbox", resp.StatusCode, edge.Message, kind, nil)
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
	case http.StatusInsufficientStorage:
		kind = e2b.ErrNoSpace
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotAcceptable, http.StatusUnsupportedMediaType:
		kind = e2b.ErrRefused
	}
	return e2b.InsideError(op, resp.StatusCode, own.Message, kind, nil)
}

// failure gives any other error of a call its meaning: one of the edge's, one
// of an RPC, or none of either, after which the outcome is unknown.
func failure(op string, err error) error {
	if err == nil {
		return nil
	}
	var edge *e2b.Error
	if errors.As(err, &edge) {
		return e2b.InsideError(op, edge.Status, edge.Message, edge.Kind, edge.Cause)
	}
	// A refused token is answered before the RPC is, in plain HTTP.
	var rpc *connect.Error
	if !errors.As(err, &rpc) || !connect.IsWireError(err) && rpc.Code() != connect.CodeUnauthenticated {
		return broken(op, e2b.ErrUnknown, err)
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
	return e2b.InsideError(op, 0, rpc.Message(), kind, nil)
}
