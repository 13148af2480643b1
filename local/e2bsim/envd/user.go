package envd

import (
	"context"
	"fmt"
	"net/http"

	"connectrpc.com/connect"
)

// userCheck refuses an RPC in the name of a user that is not there. On a stream
// that is an error at its end, under HTTP 200, as envd answers.
type userCheck struct{ user string }

func (u userCheck) check(h http.Header) *connect.Error {
	name, _, ok := (&http.Request{Header: h}).BasicAuth()
	if !ok || (Config{User: u.user}).knows(name) {
		return nil
	}
	return connect.NewError(connect.CodeUnauthenticated, fmt.Errorf("invalid username: '%s'", name))
}

func (u userCheck) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if err := u.check(req.Header()); err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
}

func (u userCheck) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := u.check(conn.RequestHeader()); err != nil {
			return err
		}
		return next(ctx, conn)
	}
}

// WrapStreamingClient does nothing: this is a server.
func (u userCheck) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}
