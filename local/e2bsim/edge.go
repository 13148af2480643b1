package e2bsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// target is where a request wants to go.
type target struct {
	id   string
	port int
}

// edgeError is the edge proxy's own answer.
type edgeError struct {
	SandboxID string `json:"sandboxId,omitempty"`
	Message   string `json:"message"`
	Port      int    `json:"port,omitempty"`
	Code      int    `json:"code"`
}

func (e *edgeError) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Code)
	_ = json.NewEncoder(w).Encode(e)
}

// privatePaths are the daemon's paths that only E2B itself may call.
var privatePaths = []string{"/init", "/freeze", "/unfreeze", "/collapse", "/fsfreeze", "/fsthaw", "/upgrade"}

// EdgeHandler returns the proxy in front of all sandboxes' ports. It routes by
// Host, <port>-<id>.<domain>, and on the shared host, localhost or an IP by
// the headers E2b-Sandbox-Id and E2b-Sandbox-Port. Host reaches the app as it
// came.
func (s *Server) EdgeHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, ok := s.route(r)
		if !ok {
			(&edgeError{Message: "Invalid host", Code: http.StatusBadRequest}).write(w)
			return
		}
		if t.port == envdPort && slices.Contains(privatePaths, r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		c := &call{kind: kindOf(t.port, r.URL.Path), id: t.id}
		c.fault = s.faults.take(c.kind, t.id)
		s.calls.record(s, c, Received, 0)
		tracked := &statusWriter{ResponseWriter: w}
		defer func() { s.calls.record(s, c, Answered, tracked.status) }()
		if c.fault != nil {
			s.sleep(r.Context(), c.fault.Delay)
			if a, answered := s.before(r.Context(), c.fault, t.id); answered {
				a.write(tracked)
				return
			}
		}
		if r.ContentLength > 0 {
			r.Body = &exactBody{ReadCloser: r.Body, left: r.ContentLength}
		}
		s.forward(c.fault.cut(tracked, r), r, c, t)
	})
}

// forward passes the request into the sandbox.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, c *call, t target) {
	run, refused := s.open(r.Context(), c, t)
	if refused != nil {
		refused.write(w)
		return
	}
	proxy := httputil.ReverseProxy{
		Transport: s.edge,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", run
			p.SetXForwarded()
		},
		ErrorLog: quiet,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			switch {
			case errors.Is(err, syscall.ECONNREFUSED):
				portClosed(t).write(w)
			case errors.As(err, new(*dialError)):
				sandboxNotFound(t.id).write(w)
			case t.port != envdPort && r.Context().Err() == nil && s.runs(t, run):
				// The app ended the connection without an answer. E2B's edge says
				// the same of it as of a port where nothing listens.
				portClosed(t).write(w)
			default:
				// The connection broke by a pause. The caller's breaks too.
				panic(http.ErrAbortHandler)
			}
		},
	}
	proxy.ServeHTTP(w, r)
}

// open returns the transport's name for the sandbox's port, or E2B's refusal.
// A paused sandbox is woken only if its autoResume says so.
func (s *Server) open(ctx context.Context, c *call, t target) (string, *edgeError) {
	s.mu.Lock()
	b := s.boxes[t.id]
	wakes := b != nil && b.state == StatePaused && b.autoResume && b.kept == (sleep{})
	s.mu.Unlock()
	if wakes {
		_, _, _ = s.bringUp(ctx, t.id, wake{call: c, timeout: max(timeoutV2, b.createTimeout)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case b != nil && b.state == StateRunning && b.machine != nil:
		return runName(t, b.run), nil
	case b != nil && (b.state == StatePausing || b.state == StateResuming):
		return "", &edgeError{SandboxID: t.id, Message: "The sandbox is transitioning, try again later", Code: http.StatusConflict}
	}
	return "", sandboxNotFound(t.id)
}

// runs reports whether the run that a runName is of goes on.
func (s *Server) runs(t target, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.boxes[t.id]
	return b != nil && b.state == StateRunning && runName(t, b.run) == name
}

func portClosed(t target) *edgeError {
	return &edgeError{SandboxID: t.id, Message: "The sandbox is running but port is not open", Port: t.port, Code: http.StatusBadGateway}
}

func sandboxNotFound(id string) *edgeError {
	return &edgeError{SandboxID: id, Message: "The sandbox was not found", Code: http.StatusBadGateway}
}

// runName is a host name that stands for one port during one run of a sandbox,
// so that no pooled connection outlives a pause.
func runName(t target, run int) string { return fmt.Sprintf("%d-%s-%d:80", t.port, t.id, run) }

func (s *Server) edgeTransport() *http.Transport {
	return &http.Transport{
		DialContext:         s.dial,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     30 * time.Second,
	}
}

// dialError is a connection into a sandbox that could not be made.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

var errRunEnded = errors.New("the sandbox's run has ended")

// dial connects to the machine that a runName stands for.
func (s *Server) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	port, rest, _ := strings.Cut(strings.TrimSuffix(addr, ":80"), "-")
	id, run, _ := strings.Cut(rest, "-")
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, &dialError{err}
	}
	s.mu.Lock()
	var m Machine
	if b := s.boxes[id]; b != nil && b.state == StateRunning && strconv.Itoa(b.run) == run {
		m = b.machine
	}
	s.mu.Unlock()
	if m == nil {
		return nil, &dialError{errRunEnded}
	}
	conn, err := m.Dial(ctx, number)
	if err != nil {
		return nil, &dialError{err}
	}
	return conn, nil
}

var hostName = regexp.MustCompile(`^([0-9]{1,5})-([a-z0-9]+)(-[a-z0-9]+)?$`)

// route reads where a request wants to go; false: the host names nothing.
func (s *Server) route(r *http.Request) (target, bool) {
	host := (&url.URL{Host: r.Host}).Hostname()
	domain := (&url.URL{Host: s.cfg.Domain}).Hostname()
	id, port := r.Header.Get("E2b-Sandbox-Id"), r.Header.Get("E2b-Sandbox-Port")
	shared := host == "sandbox."+domain || host == "localhost" || net.ParseIP(host) != nil
	if !shared {
		label, found := strings.CutSuffix(host, "."+domain)
		parts := hostName.FindStringSubmatch(label)
		if !found || parts == nil {
			return target{}, false
		}
		port, id = parts[1], parts[2]
	}
	id, _, _ = strings.Cut(id, "-")
	number, err := strconv.ParseUint(port, 10, 16)
	return target{id, int(number)}, err == nil && bareID.MatchString(id)
}

func kindOf(port int, path string) Kind {
	switch {
	case port != envdPort:
		return Preview
	case path == "/process.Process/Start":
		return StartProcess
	case path == "/files":
		return Files
	}
	return Envd
}
