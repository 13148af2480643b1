package e2bsim

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// call is one request to the control plane.
type call struct {
	seq   int
	kind  Kind
	id    string // of the sandbox; empty for create and list
	v2    bool
	key   string // Idempotency-Key; empty: none
	query map[string][]string
	body  []byte
	fault *Fault // nil: none
}

// hollow reports whether the call must answer as if it had taken effect, and
// take none.
func (c *call) hollow() bool { return c.fault != nil && c.fault.Action == EffectLost }

type handler func(context.Context, *call) answer

// maxBody is E2B's limit on a request's body.
const maxBody = 16 << 20

// APIHandler returns the control plane.
func (s *Server) APIHandler() http.Handler {
	mux := http.NewServeMux()
	for _, route := range []struct {
		pattern string
		kind    Kind
		handler handler
	}{
		{"POST /sandboxes", Create, s.once(s.create)},
		{"POST /v2/sandboxes", Create, s.once(s.create)},
		{"GET /v2/sandboxes", List, s.list},
		{"GET /sandboxes/{id}", Get, s.get},
		{"DELETE /sandboxes/{id}", Kill, s.kill},
		{"POST /sandboxes/{id}/pause", Pause, s.pause},
		{"POST /sandboxes/{id}/connect", Connect, s.connect},
		{"POST /v2/sandboxes/{id}/connect", Connect, s.connect},
		{"POST /sandboxes/{id}/resume", Resume, s.resume},
		{"POST /sandboxes/{id}/timeout", Timeout, s.timeout},
		{"POST /sandboxes/{id}/refreshes", Refresh, s.refresh},
	} {
		mux.Handle(route.pattern, s.handle(route.kind, route.handler))
	}
	for _, pattern := range notSimulated {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			fail(http.StatusNotImplemented, r.Method+" "+r.URL.Path+" is not simulated").answer().write(w)
		})
	}
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		answer{status: http.StatusOK, text: "Health check successful"}.write(w)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(http.StatusNotFound, "no matching operation was found").answer().write(w)
	})
	return mux
}

// notSimulated are calls that E2B has and that no lifecycle of ours needs. Who
// makes one is to know that it is this simulator that lacks it.
var notSimulated = []string{
	"/sandboxes/{id}/metrics", "GET /sandboxes/metrics", "/sandboxes/{id}/snapshots", "/snapshots", "/sandboxes/{id}/fork", "/sandboxes/{id}/network",
	"/sandboxes/{id}/logs", "/v2/sandboxes/{id}/logs", "/templates", "/templates/", "/v2/templates", "/v2/templates/", "/v3/templates", "/v3/templates/",
	"/volumes", "/volumes/", "/secrets", "/secrets/", "/events/", "GET /sandboxes",
}

var bareID = regexp.MustCompile(`^[a-z0-9]+$`)

func (s *Server) handle(kind Kind, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := s.authenticate(r); f != nil {
			f.answer().write(w)
			return
		}
		c := &call{kind: kind, id: r.PathValue("id"), v2: strings.HasPrefix(r.URL.Path, "/v2/"), key: r.Header.Get("Idempotency-Key"), query: r.URL.Query()}
		if c.id != "" {
			c.id, _, _ = strings.Cut(c.id, "-")
			if !bareID.MatchString(c.id) {
				fail(http.StatusBadRequest, "Invalid sandbox ID").answer().write(w)
				return
			}
		}
		var err error
		if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
			fail(http.StatusBadRequest, "validation error: request body is too large or incomplete").answer().write(w)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		c.fault = s.faults.take(kind, c.id)
		s.calls.record(s, c, Received, 0)
		a := s.faulty(ctx, c, h)
		s.calls.record(s, c, Answered, a.status)
		c.fault.send(w, a)
	})
}

func (s *Server) authenticate(r *http.Request) *failure {
	key := r.Header.Get("X-API-Key")
	if key == "" {
		return fail(http.StatusUnauthorized, "authorization header is missing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasPrefix(key, "e2b_") || (len(s.keys) > 0 && !slices.Contains(s.keys, key)) {
		return fail(http.StatusUnauthorized, "Invalid API key")
	}
	return nil
}

// decode reads a JSON body into v. An empty body leaves v as it is, where the
// call may have one.
func (c *call) decode(v any, mayBeEmpty bool) *failure {
	if len(bytes.TrimSpace(c.body)) == 0 && mayBeEmpty {
		return nil
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return fail(http.StatusBadRequest, "validation error: request body does not match the schema")
	}
	return nil
}

func notFound(id string) *failure {
	return fail(http.StatusNotFound, "Sandbox \""+id+"\" not found")
}
