// Package runtimeapi runs Lambda functions' own binaries on this machine: it
// serves the Lambda Runtime API to several processes a function, starts them on
// demand, kills them at their deadline, and keeps the bill.
//
// It owns processes and invocations. It knows no event's format, and not where
// invocations come from.
package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

var (
	// ErrUnknownFunction: no function of that name is registered.
	ErrUnknownFunction = errors.New("unknown function")
	// ErrClosed: the server was closed before the invocation began.
	ErrClosed = errors.New("runtime api is closed")
	// ErrTooLarge: the payload is over Lambda's 6 MB for a synchronous call.
	ErrTooLarge = errors.New("payload is over 6 MB")
)

// MaxPayload bounds a payload and a response, in bytes: Lambda's quota of 6 MB
// for synchronous invocations, as its error message states it.
const MaxPayload = 6291556

// Function is a function to run.
type Function struct {
	Name string // letters, digits, "-" and "_"
	Path string // the built binary; its folder is the working directory
	Env  map[string]string
	// ProcessEnv, if set, is asked once for each process before it starts, and
	// its variables win. Processes are numbered from 1; no number comes twice.
	ProcessEnv func(process int) map[string]string

	Timeout      time.Duration // of one invocation; default 3 s
	Memory       int           // MB, told and billed, not enforced; default 128
	MaxProcesses int           // at once; further invocations wait; default 10
	IdleTimeout  time.Duration // a process idle for longer is ended; 0: kept
}

// Line is one line that a function wrote to its standard output or error.
type Line struct {
	Function string
	Process  int
	Text     string
}

// Options are a server's settings; all have defaults.
type Options struct {
	Region      string        // default us-east-1
	InitTimeout time.Duration // from start to the first poll; default 10 s, as Lambda's
	TermTimeout time.Duration // from SIGTERM to SIGKILL; default 500 ms, as Lambda's
	Log         func(Line)    // called for one line at a time; nil drops them
}

// Result is what an invocation came to.
type Result struct {
	Payload []byte
	// FunctionError is "Unhandled" if the function failed: an error returned, a
	// panic, an exit, a time-out. Payload then says so as Lambda does.
	FunctionError string
	RequestID     string
	Process       int
	Init          time.Duration // start to first poll; 0 for a warm process
	Duration      time.Duration
	Billed        time.Duration // Init + Duration, in whole milliseconds
}

// Bill is what a function has cost so far.
type Bill struct {
	Function    string
	Memory      int // MB
	Invocations int
	Errors      int
	ColdStarts  int
	Billed      time.Duration
	MaxMemory   int64 // bytes, the largest resident set seen; 0 where unknown
}

// Server runs functions. Create it with New; it is safe for concurrent use.
type Server struct {
	options  Options
	address  string
	http     *http.Server
	spawn    chan func()
	mu       sync.Mutex
	closed   bool
	pools    map[string]*pool
	logMutex sync.Mutex
}

// New starts a server on a free port of this machine. Close it.
func New(o Options) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the runtime api: %w", err)
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.InitTimeout == 0 {
		o.InitTimeout = 10 * time.Second
	}
	if o.TermTimeout == 0 {
		o.TermTimeout = 500 * time.Millisecond
	}
	s := &Server{options: o, address: listener.Addr().String(), spawn: make(chan func()), pools: map[string]*pool{}}
	s.http = &http.Server{Handler: s.routes()}
	go s.http.Serve(listener)
	go onOneThread(s.spawn)
	return s, nil
}

var functionName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Register makes a function known. Nothing starts until it is invoked.
func (s *Server) Register(f Function) error {
	if !functionName.MatchString(f.Name) {
		return fmt.Errorf("register function %q: bad name", f.Name)
	}
	if f.Timeout == 0 {
		f.Timeout = 3 * time.Second
	}
	if f.Memory == 0 {
		f.Memory = 128
	}
	if f.MaxProcesses == 0 {
		f.MaxProcesses = 10
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.pools[f.Name] != nil {
		return fmt.Errorf("register function %s: it is registered already", f.Name)
	}
	s.pools[f.Name] = &pool{server: s, function: f, processes: map[int]*process{}, bill: Bill{Function: f.Name, Memory: f.Memory}}
	return nil
}

// Invoke calls a function and waits for its result. A function that fails is a
// Result with a FunctionError, not an error. If ctx ends first, Invoke returns
// its error; an invocation that has begun goes on, as in Lambda.
func (s *Server) Invoke(ctx context.Context, function string, payload []byte) (Result, error) {
	if len(payload) > MaxPayload {
		return Result{}, fmt.Errorf("invoke %s: %w", function, ErrTooLarge)
	}
	p := s.pool(function)
	if p == nil {
		return Result{}, fmt.Errorf("invoke %s: %w", function, ErrUnknownFunction)
	}
	result, err := p.invoke(ctx, payload)
	if err != nil {
		return Result{}, fmt.Errorf("invoke %s: %w", function, err)
	}
	return result, nil
}

func (s *Server) pool(function string) *pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pools[function]
}

func (s *Server) all() []*pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*pool
	for _, name := range slices.Sorted(maps.Keys(s.pools)) {
		out = append(out, s.pools[name])
	}
	return out
}

// Bills returns every function's bill, by name.
func (s *Server) Bills() []Bill {
	var out []Bill
	for _, p := range s.all() {
		p.mu.Lock()
		out = append(out, p.bill)
		p.mu.Unlock()
	}
	return out
}

// Busy returns how many invocations wait or run.
func (s *Server) Busy() (n int) {
	for _, p := range s.all() {
		p.mu.Lock()
		n += len(p.queue)
		for _, q := range p.processes {
			if q.running != nil {
				n++
			}
		}
		p.mu.Unlock()
	}
	return n
}

// Kill ends a process as a crash of its machine would, and returns when it is
// gone; false if it was not there. Its invocation fails.
func (s *Server) Kill(function string, number int) bool {
	if p := s.pool(function); p != nil {
		return p.kill(func(q *process) bool { return q.number == number }) > 0
	}
	return false
}

// KillInvocation is Kill for the process that runs an invocation.
func (s *Server) KillInvocation(requestID string) bool {
	for _, p := range s.all() {
		if p.kill(func(q *process) bool { return q.running != nil && q.running.id == requestID }) > 0 {
			return true
		}
	}
	return false
}

// Recycle ends a function's idle processes, so that its next start is cold, and
// returns how many there were.
func (s *Server) Recycle(function string) int {
	if p := s.pool(function); p != nil {
		return p.kill(func(q *process) bool { return q.state == idle })
	}
	return 0
}

// Close ends every process and returns when all are gone. A function that asked
// for SIGTERM, by registering an extension, gets it half a second before.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	var wait sync.WaitGroup
	for _, p := range s.all() {
		wait.Go(p.close)
	}
	wait.Wait()
	close(s.spawn)
	if err := s.http.Close(); err != nil {
		return fmt.Errorf("close the runtime api: %w", err)
	}
	return nil
}
