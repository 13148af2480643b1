package runtimeapi

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"siesta/shared/job"
)

// unhandled is the X-Amz-Function-Error of every failure of a Go function.
const unhandled = "Unhandled"

// failure is an error in Lambda's own form.
func failure(kind, message string) []byte {
	b, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message}) // strings always marshal
	return b
}

// routes serves the Runtime API and what the SDK uses of the Extensions API,
// below a prefix for each process.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(*process, http.ResponseWriter, *http.Request){
		"GET /{function}/{process}/2018-06-01/runtime/invocation/next":           (*process).serveNext,
		"POST /{function}/{process}/2018-06-01/runtime/invocation/{id}/response": (*process).serveResponse,
		"POST /{function}/{process}/2018-06-01/runtime/invocation/{id}/error":    (*process).serveError,
		"POST /{function}/{process}/2018-06-01/runtime/init/error":               (*process).serveInitError,
		"POST /{function}/{process}/2020-01-01/extension/register":               (*process).serveRegister,
		"GET /{function}/{process}/2020-01-01/extension/event/next":              (*process).serveEvent,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			q := s.process(r.PathValue("function"), r.PathValue("process"))
			if q == nil {
				answer(w, http.StatusForbidden, failure("UnknownProcess", "no such process"))
				return
			}
			serve(q, w, r)
		})
	}
	return mux
}

func (s *Server) process(function, number string) *process {
	n, err := strconv.Atoi(number)
	p := s.pool(function)
	if err != nil || p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.processes[n]
}

func answer(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone shows when its process ends
}

var accepted = []byte(`{"status":"OK"}`)

// serveNext parks the process until there is an invocation for it.
func (q *process) serveNext(w http.ResponseWriter, r *http.Request) {
	p := q.pool
	var used int64
	p.mu.Lock()
	pid := 0
	if q.cmd != nil {
		pid = q.cmd.Process.Pid
	}
	first := q.state == starting
	p.mu.Unlock()
	if pid != 0 && !first {
		used = memory(pid)
	}

	p.mu.Lock()
	p.bill.MaxMemory = max(p.bill.MaxMemory, used)
	switch {
	case q.state == busy && len(q.inbox) > 0: // lost its connection between poll and answer
	case q.state == busy || q.killed:
		p.mu.Unlock()
		answer(w, http.StatusForbidden, failure("InvalidStateTransition", "the invocation has no answer yet"))
		return
	default:
		if first {
			q.init, q.failure = time.Since(q.spawned), nil
		}
		if q.state != idle {
			p.idle = append(p.idle, q)
		}
		q.state = idle
		p.dispatch()
	}
	p.mu.Unlock()

	var expired <-chan time.Time
	if limit := p.function.IdleTimeout; limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		select {
		case inv := <-q.inbox:
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.begun.Add(p.function.Timeout).UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+p.server.options.Region+":000000000000:function:"+p.function.Name)
			h.Set("Lambda-Runtime-Trace-Id", inv.trace)
			_, _ = w.Write(inv.payload)
			return
		case <-expired:
			p.mu.Lock()
			if q.state == idle {
				q.stop()
			}
			p.mu.Unlock()
			expired = nil
		case <-r.Context().Done():
			return
		}
	}
}

// read takes a request's body, whole, within Lambda's limit.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
}

func (q *process) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, err := read(w, r)
	if err != nil {
		tooLong := failure("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).")
		q.settle(w, r, tooLong, unhandled, http.StatusRequestEntityTooLarge)
		return
	}
	// A handler's reader may fail after the answer has begun; the client tells so
	// behind the body.
	if r.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "" {
		if told, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body")); err == nil {
			q.settle(w, r, told, unhandled, http.StatusAccepted)
			return
		}
	}
	q.settle(w, r, body, "", http.StatusAccepted)
}

func (q *process) serveError(w http.ResponseWriter, r *http.Request) {
	body, err := read(w, r)
	if err != nil {
		body = failure("Runtime.UnreadableError", "the function's error could not be read")
	}
	q.settle(w, r, body, unhandled, http.StatusAccepted)
}

// settle ends the invocation that the request names, if the process has it.
func (q *process) settle(w http.ResponseWriter, r *http.Request, payload []byte, functionError string, status int) {
	q.pool.mu.Lock()
	inv := q.running
	ok := inv != nil && inv.id == r.PathValue("id") && !q.killed
	if ok {
		q.state, q.running = finishing, nil
		q.pool.finish(q, inv, payload, functionError)
	}
	q.pool.mu.Unlock()
	if !ok {
		answer(w, http.StatusBadRequest, failure("InvalidRequestID", "the process has no such invocation"))
		return
	}
	answer(w, status, accepted)
}

func (q *process) serveInitError(w http.ResponseWriter, r *http.Request) {
	body, err := read(w, r)
	if err == nil {
		q.pool.mu.Lock()
		if q.state == starting {
			q.failure = body
		}
		q.pool.mu.Unlock()
	}
	answer(w, http.StatusAccepted, accepted)
}

// serveRegister lets a function ask for SIGTERM, which is what its SDK registers
// an extension for. No event is ever sent to one.
func (q *process) serveRegister(w http.ResponseWriter, _ *http.Request) {
	q.pool.mu.Lock()
	q.wantsTerm = true
	q.pool.mu.Unlock()
	w.Header().Set("Lambda-Extension-Identifier", job.NewID())
	told, _ := json.Marshal(map[string]string{
		"functionName": q.pool.function.Name, "functionVersion": "$LATEST", "handler": "bootstrap",
	})
	answer(w, http.StatusOK, told)
}

func (q *process) serveEvent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
