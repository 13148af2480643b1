// Package envd speaks the protocol of E2B's in-sandbox daemon: files over HTTP,
// processes and the file system over Connect RPC. It runs commands as the user
// that it runs as itself. It knows no namespaces and no control plane.
package envd

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
)

// Version is what the simulator reports as its envd's version. The official
// SDKs use every newer feature from 0.6.4 on.
const Version = "0.6.4"

// Spawn starts a program; wait returns when that process itself has ended,
// whatever its children do.
type Spawn func(file string, argv []string, attr *os.ProcAttr) (pid int, wait func() syscall.WaitStatus, err error)

// Config says whose files and processes a Server serves.
type Config struct {
	Home, User, Path string
	Alias            string            // what clients call Home, where it cannot be shown under that name; else ""
	Env              map[string]string // in every command's environment, under its own
	AccessToken      string            // asked for in X-Access-Token; "" asks for nothing
	Memory           int64             // bytes reported as the sandbox's; 0 reports the machine's
	Spawn            Spawn

	// AsRoot runs what root does to the sandbox's files. nil: root is not there,
	// and its files are the user's.
	AsRoot func(func())
}

// Server is one sandbox's envd.
type Server struct {
	config    Config
	clock     *clock
	processes *processes
	handler   http.Handler
}

// New makes a Server. It serves until its process ends.
func New(c Config) *Server {
	s := &Server{config: c, clock: newClock()}
	s.processes = newProcesses(c, s.clock)
	mux := http.NewServeMux()
	for _, path := range []string{"/health", "/files"} {
		mux.HandleFunc("HEAD "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", http.MethodGet)
			w.WriteHeader(http.StatusMethodNotAllowed)
		})
	}
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /envs", s.envs)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /files", s.download)
	mux.HandleFunc("POST /files", s.upload)
	mux.HandleFunc("POST /files/compose", s.compose)
	options := connect.WithInterceptors(userCheck{c.User})
	path, processes := envdpb.NewProcessHandler(s.processes, options)
	mux.Handle(path, ownTimeLimit(processes))
	mux.Handle(envdpb.NewFilesystemHandler(&filesystem{config: c}, options))
	s.handler = mux
	return s
}

// Pause stops the clock that commands' time limits run by. Its process may be
// frozen afterwards, or stop its commands itself.
func (s *Server) Pause() { s.clock.pause() }

// Resume lets the clock run on.
func (s *Server) Resume() { s.clock.resume() }

// open lists what needs no access token: /files checks its own, or a signature.
var open = []string{"GET /health", "HEAD /health", "GET /files", "HEAD /files", "POST /files"}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if shareWithPages(w, r) {
		return
	}
	if s.config.AccessToken != "" && !s.tokenMatches(r) && !slices.Contains(open, r.Method+" "+r.URL.Path) {
		fail(w, http.StatusUnauthorized, "unauthorized access, please provide a valid access token or method signing if supported")
		return
	}
	s.handler.ServeHTTP(w, r)
}

func (s *Server) tokenMatches(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Access-Token")), []byte(s.config.AccessToken)) == 1
}

func (s *Server) envs(w http.ResponseWriter, _ *http.Request) {
	envs := s.config.Env
	if envs == nil {
		envs = map[string]string{}
	}
	writeJSON(w, envs)
}

// fail answers with envd's error body: the code is also in it, and clients read
// it there.
func fail(w http.ResponseWriter, code int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]any{"code": code, "message": fmt.Sprintf(format, args...)})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// resolve makes a path absolute: "" and "~" are the home, and a relative path
// starts there.
func (c Config) resolve(path string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		if rest != "" && rest[0] != '/' {
			return "", fmt.Errorf("cannot expand another user's home in '%s'", path)
		}
		path = "." + rest
	}
	if filepath.IsAbs(path) {
		return c.local(path), nil
	}
	return filepath.Join(c.Home, path), nil
}

// local puts the home's real name for its alias in a path or a command. What
// names the real home already is left alone.
func (c Config) local(text string) string {
	if c.Alias == "" {
		return text
	}
	alias := regexp.MustCompile(regexp.QuoteMeta(c.Alias) + `\b`)
	parts := strings.Split(text, c.Home)
	for i := range parts {
		parts[i] = alias.ReplaceAllLiteralString(parts[i], c.Home)
	}
	return strings.Join(parts, c.Home)
}

// root has files, but runs no commands here.
const root = "root"

// knows reports whether a user exists: the sandbox's own, who is also meant
// when none is named.
func (c Config) knows(user string) bool { return user == "" || user == c.User }
