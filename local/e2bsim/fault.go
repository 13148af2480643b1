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

// Action is what goes wrong. README.md tells what each means for a client.
type Action string

const (
	Delay          Action = "delay"           // nothing, after Fault.Delay
	GatewayTimeout Action = "gateway_timeout" // no effect; 504 in plain text
	TimeoutAfter   Action = "timeout_after"   // effect; 504 in plain text
	ErrorAnswer    Action = "error"           // no effect; Fault.Status in E2B's JSON
	LimitReached   Action = "limit_reached"   // no effect; 429 without Retry-After
	RateLimited    Action = "rate_limited"    // no effect; 429 with Retry-After
	Destroy        Action = "destroy"         // 500 in E2B's JSON, and what ran is lost
	AnswerLost     Action = "answer_lost"     // effect; the connection is cut
	EffectLost     Action = "effect_lost"     // a good answer; no effect
	CutHalfway     Action = "cut_halfway"     // effect; the connection is cut in the answer, or in an upload
	Lag            Action = "lag"             // get and list answer as of Fault.Lag ago
	Vanish         Action = "vanish"          // the sandbox is gone, then the call is served
	Stale          Action = "stale"           // connect brings up older files
	Fragile        Action = "fragile"         // a pause whose caller goes away destroys the state
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
	RetryAfter int           // of RateLimited, in seconds; default 1
	Bytes      int64         // of CutHalfway at the edge: how much still passes; default 1024

	seen int
}

func (f *Fault) is(a Action) bool { return f != nil && f.Action == a }

var (
	mutating = []Kind{Create, Connect, Resume, Timeout, Refresh, Pause, Kill}
	reading  = []Kind{Get, List}
	edgeOnly = []Kind{StartProcess, Files, Envd, Preview}
	anyKind  = slices.Concat(mutating, reading, edgeOnly)
)

// applies is which calls an action makes sense for.
var applies = map[Action][]Kind{
	Delay: anyKind, GatewayTimeout: anyKind, ErrorAnswer: anyKind, Vanish: anyKind, AnswerLost: anyKind, CutHalfway: anyKind,
	LimitReached: mutating, RateLimited: slices.Concat(mutating, reading), TimeoutAfter: slices.Concat(mutating, reading),
	Destroy: {Connect, Resume, Timeout, Pause, Kill}, EffectLost: mutating, Lag: reading,
	Stale: {Connect, Resume}, Fragile: {Pause},
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
	if !slices.Contains(applies[f.Action], f.Call) {
		return 0, fmt.Errorf("add fault: %q is no fault of a %q call", f.Action, f.Call)
	}
	f.Nth, f.Times = cmp.Or(f.Nth, 1), cmp.Or(f.Times, 1)
	f.Status, f.RetryAfter = cmp.Or(f.Status, http.StatusInternalServerError), cmp.Or(f.RetryAfter, 1)
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

// armed reports whether an entry with one of these actions is in the script.
func (fs *faults) armed(actions ...Action) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.ContainsFunc(fs.script, func(f *Fault) bool { return slices.Contains(actions, f.Action) })
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
	if c.fault.Action == TimeoutAfter {
		return gatewayTimeout()
	}
	return a
}

// before does what a fault does ahead of the call, and may answer it.
func (s *Server) before(ctx context.Context, f *Fault, id string) (answer, bool) {
	switch f.Action {
	case GatewayTimeout:
		return gatewayTimeout(), true
	case ErrorAnswer:
		return fail(f.Status, f.Message).answer(), true
	case LimitReached:
		return concurrencyLimit(s.Plan().MaxConcurrent).answer(), true
	case RateLimited:
		return (&failure{Code: http.StatusTooManyRequests, Message: "Rate limit exceeded, please try again later", retryAfter: f.RetryAfter}).answer(), true
	case Destroy:
		if gone := s.destroy(ctx, id, true); gone != nil {
			return gone.answer(), true
		}
		return fail(http.StatusInternalServerError, "Internal server error").answer(), true
	case Vanish:
		_ = s.destroy(ctx, id, false)
	}
	return answer{}, false
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

func gatewayTimeout() answer {
	return answer{status: http.StatusGatewayTimeout, text: "upstream request timeout"}
}

func concurrencyLimit(limit int) *failure {
	return fail(http.StatusTooManyRequests, fmt.Sprintf("you have reached the maximum number of concurrent E2B sandboxes (%d)", max(limit, 1)))
}
