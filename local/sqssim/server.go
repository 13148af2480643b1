// Package sqssim is a small standard SQS queue server: the AWS JSON 1.0 protocol
// as the AWS SDKs speak it, kept in memory, with a clock that can be moved.
//
// It owns queues, messages, visibility, delays, redrive and receipt handles. It
// knows no account, signature, policy or FIFO queue, and nothing of who uses it.
package sqssim

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"siesta/shared/job"
)

const (
	account = "000000000000"
	region  = "us-east-1"
	// maxRequest holds the largest legal message, escaped as badly as JSON can.
	maxRequest = 8 << 20
)

// Server holds queues and answers the SQS API. Create it with New; it is safe
// for concurrent use.
type Server struct {
	base string

	mu      sync.Mutex
	offset  time.Duration // how far the clock was moved
	queues  map[string]*queue
	tasks   []moveTask
	changed chan struct{} // closed and replaced whenever anything changed
	seq     uint64
}

// New makes a server without queues. base is the address under which clients
// reach it, such as http://127.0.0.1:9324; queue addresses are built on it.
func New(base string) *Server {
	return &Server{
		base:    strings.TrimSuffix(base, "/"),
		queues:  map[string]*queue{},
		changed: make(chan struct{}),
	}
}

// operation answers one decoded request; a *apiError becomes SQS's answer.
type operation func(s *Server, ctx context.Context, body []byte) (any, error)

// op decodes the body for a handler.
func op[In any](f func(*Server, context.Context, In) (any, error)) operation {
	return func(s *Server, ctx context.Context, body []byte) (any, error) {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, serializationError(err)
		}
		return f(s, ctx, in)
	}
}

var operations = map[string]operation{
	"CreateQueue":             op((*Server).createQueue),
	"GetQueueUrl":             op((*Server).getQueueURL),
	"ListQueues":              op((*Server).listQueues),
	"GetQueueAttributes":      op((*Server).getQueueAttributes),
	"PurgeQueue":              op((*Server).purgeQueue),
	"SendMessage":             op((*Server).sendMessage),
	"ReceiveMessage":          op((*Server).receiveMessage),
	"DeleteMessage":           op((*Server).deleteMessage),
	"ChangeMessageVisibility": op((*Server).changeVisibility),
	"StartMessageMoveTask":    op((*Server).startMoveTask),
	"ListMessageMoveTasks":    op((*Server).listMoveTasks),
}

// ServeHTTP answers one call of the SQS API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-amzn-RequestId", job.NewID())
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	out, err := s.answer(w, r)
	var failure *apiError
	switch {
	case err == nil:
		_ = json.NewEncoder(w).Encode(out)
	case errors.As(err, &failure):
		failure.write(w)
	case r.Context().Err() != nil: // nobody is listening any more
	default:
		(&apiError{status: http.StatusInternalServerError, kind: "InternalError", message: "internal error"}).write(w)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	if r.Method != http.MethodPost {
		return nil, unsupported("only POST is supported")
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-amz-json-1.0") {
		return nil, unsupported("only the AWS JSON 1.0 protocol is supported, not the query protocol; use a current SDK")
	}
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	run, ok := operations[name]
	if !ok {
		return nil, unsupported("operation " + r.Header.Get("X-Amz-Target") + " is not supported")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return nil, serializationError(err)
	}
	return run(s, r.Context(), body)
}

// notify wakes everybody who waits for a change. Callers hold mu.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) now() time.Time { return time.Now().Add(s.offset) }
