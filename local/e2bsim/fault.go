package e2bsim

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Kind is a kind of call, for faults and the call log. Both generations of a
// call are the same kind.
type Kind string

// The control plane's calls, then the edge proxy's.
const (
	Create  Kind = "create"
	Get     Kind = "get"
	List    Kind = "list"
	Connect Kind = "connect"
	Resume  Kind = "resume"
	Timeout Kind = "timeout"
	Refresh Kind = "refresh"
	Pause   Kind = "pause"
	Kill    Kind = "kill"

	StartProcess Kind = "start"   // process.Process/Start
	Files        Kind = "files"   // the daemon's /files
	Envd         Kind = "envd"    // anything else of the daemon's
	Preview      Kind = "preview" // any other port
)

// Fault is one entry of the script: what happens to the Nth call of a kind
// after the entry was made, and to the next Times-1.
type Fault struct {
	ID         int
	Call       Kind
	Sandbox    string // only calls about this one; empty: any
	Nth        int    // default 1
	Times      int    // default 1; below 0: for ever
	Action     Action
	Delay      time.Duration // before anything, with any action; real time
	Lag        time.Duration // simulated time
	Status     int           // of ErrorAnswer; default 500
	Message    string        // of ErrorAnswer
	ErrorCode  string        // of ErrorAnswer: E2B's error_code; default none
	RetryAfter int           // of ErrorAnswer and RateLimited, in seconds; default none, and 1
	Bytes      int64         // of CutHalfway at the edge: how much still passes; default 1024

	ShouldRetry string // of ErrorAnswer and RateLimited: the header, "true" or "false"; default none

	seen int
}

func (f *Fault) is(a Action) bool { return f != nil && f.Action == a }

// failure is the error answer that the fault asks for.
func (f *Fault) failure(code int, message string) *failure {
	return &failure{Code: code, Message: message, ErrorCode: f.ErrorCode, retryAfter: f.RetryAfter, shouldRetry: f.ShouldRetry}
}

// faults is the script.
type faults struct {
	mu     sync.Mutex
	lastID int
	script []*Fault
}

// AddFault appends f to the script and returns its id. An action that makes no
// sense for the call is an error.
func (s *Server) AddFault(f Fault) (int, error) {
	if !slices.Contains(actions[f.Action].calls, f.Call) {
		return 0, fmt.Errorf("add fault: %q is no fault of a %q call", f.Action, f.Call)
	}
	f.Nth, f.Times = cmp.Or(f.Nth, 1), cmp.Or(f.Times, 1)
	f.Status = cmp.Or(f.Status, http.StatusInternalServerError)
	if f.Action == RateLimited {
		f.RetryAfter = cmp.Or(f.RetryAfter, 1)
	}
	f.Message, f.Bytes = cmp.Or(f.Message, "Internal server error"), cmp.Or(f.Bytes, 1024)
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.lastID++
	f.ID, f.seen = s.faults.lastID, 0
	s.faults.script = append(s.faults.script, &f)
	return f.ID, nil
}

// Faults returns the entries that can still happen.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	left := []Fault{}
	for _, f := range s.faults.script {
		left = append(left, *f)
	}
	return left
}

// ClearFaults empties the script.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.script = nil
}

// take counts a call and returns the fault that it meets, if any. Entries that
// are used up leave the script.
func (fs *faults) take(kind Kind, id string) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var hit *Fault
	fs.script = slices.DeleteFunc(fs.script, func(f *Fault) bool {
		if f.Call != kind || (f.Sandbox != "" && f.Sandbox != id) {
			return false
		}
		f.seen++
		if hit == nil && f.seen >= f.Nth {
			copied := *f
			hit = &copied
		}
		return f.Times > 0 && f.seen >= f.Nth+f.Times-1
	})
	return hit
}

// armed reports whether the script has an entry that may bring back older files.
func (fs *faults) armed() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.ContainsFunc(fs.script, func(f *Fault) bool { return actions[f.Action].older })
}

// lag is how far back get and list look.
func (c *call) lag() time.Duration {
	if c.fault.is(Lag) {
		return c.fault.Lag
	}
	return 0
}

// faulty serves a call of the control plane through its fault.
func (s *Server) faulty(ctx context.Context, c *call, h handler) answer {
	if c.fault == nil {
		return h(ctx, c)
	}
	s.sleep(ctx, c.fault.Delay)
	if a, answered := s.before(ctx, c.fault, c.id); answered {
		return a
	}
	a := h(ctx, c)
	if after := actions[c.fault.Action].after; after != nil {
		return after()
	}
	return a
}

// before does what a fault does ahead of the call, and may answer it.
func (s *Server) before(ctx context.Context, f *Fault, id string) (answer, bool) {
	action := actions[f.Action]
	if action.first != nil {
		action.first(ctx, s, id)
	}
	if action.instead == nil {
		return answer{}, false
	}
	return action.instead(ctx, s, f, id), true
}

// send writes the answer, or as much of it as the fault lets through.
func (f *Fault) send(w http.ResponseWriter, a answer) {
	switch {
	case f.is(AnswerLost):
		panic(http.ErrAbortHandler)
	case f.is(CutHalfway):
		a.writeHalf(w)
	default:
		a.write(w)
	}
}
