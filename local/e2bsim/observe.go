package e2bsim

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Phase is how far a call has come.
type Phase string

const (
	Received Phase = "received" // nothing done yet
	Waiting  Phase = "waiting"  // for a transition that another call, or the timeout, began
	Answered Phase = "answered" // all is done; the answer is about to be sent, or lost
)

// Call is one entry of the call log.
type Call struct {
	Seq    int       `json:"seq"` // the same for all phases
	Kind   Kind      `json:"kind"`
	ID     string    `json:"id,omitempty"`
	Phase  Phase     `json:"phase"`
	Status int       `json:"status,omitempty"` // once answered, even if the answer is lost
	Fault  Action    `json:"fault,omitempty"`
	At     time.Time `json:"at"` // simulated time
}

// logLength bounds the call log.
const logLength = 10000

type callLog struct {
	mu        sync.Mutex
	seq       int
	calls     []Call
	observers []func(Call)
}

// record adds to the log. The observers run before the call goes on.
func (l *callLog) record(s *Server, c *call, phase Phase, status int) {
	l.mu.Lock()
	if phase == Received {
		l.seq++
		c.seq = l.seq
	}
	entry := Call{Seq: c.seq, Kind: c.kind, ID: c.id, Phase: phase, Status: status, At: s.clock.Now()}
	if c.fault != nil {
		entry.Fault = c.fault.Action
	}
	if len(l.calls) == logLength {
		l.calls = slices.Delete(l.calls, 0, logLength/10)
	}
	l.calls = append(l.calls, entry)
	observers := slices.Clone(l.observers)
	l.mu.Unlock()
	for _, observe := range observers {
		observe(entry)
	}
}

// Observe calls fn for every phase of every later call, on the call's own
// goroutine: a fn that blocks holds the call there.
func (s *Server) Observe(fn func(Call)) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.observers = append(s.calls.observers, fn)
}

// Calls returns the newest calls, oldest first.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return slices.Clone(s.calls.calls)
}

// WaitFor returns when the sandbox is in the given state.
func (s *Server) WaitFor(ctx context.Context, id string, state State) error {
	for {
		s.mu.Lock()
		changed, now := s.changed, State("")
		if b := s.boxes[id]; b != nil {
			now = b.state
		}
		s.mu.Unlock()
		if now == state {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for sandbox %s to be %s (it is %q): %w", id, state, now, ctx.Err())
		}
	}
}

// Info is what is really so about a sandbox.
type Info struct {
	ID        string            `json:"id"`
	State     State             `json:"state"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	StartedAt time.Time         `json:"started_at"`
	EndAt     time.Time         `json:"end_at"`
	Pauses    int               `json:"pauses"`
	Bill      Bill              `json:"bill"`
}

// Sandboxes returns every sandbox there ever was, in the order of creation.
func (s *Server) Sandboxes() []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Info{}
	for _, b := range s.boxes {
		all = append(all, s.info(b))
	}
	slices.SortFunc(all, func(x, y Info) int { return x.CreatedAt.Compare(y.CreatedAt) })
	return all
}

// Sandbox returns one sandbox; false if there never was one.
func (s *Server) Sandbox(id string) (Info, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.boxes[id]
	if !ok {
		return Info{}, false
	}
	return s.info(b), true
}

func (s *Server) info(b *box) Info {
	return Info{ID: b.id, State: b.state, Metadata: b.metadata, CreatedAt: b.createdAt, StartedAt: b.started,
		EndAt: b.end, Pauses: b.pauses, Bill: s.bill(b)}
}

// Vanish makes a sandbox disappear as E2B loses one: with all its snapshots.
func (s *Server) Vanish(ctx context.Context, id string) error {
	if f := s.destroy(ctx, id, false); f != nil {
		return fmt.Errorf("vanish sandbox %s: %s", id, f.Message)
	}
	return nil
}
