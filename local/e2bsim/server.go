// Package e2bsim imitates E2B's control plane and edge proxy on one machine.
//
// It owns what E2B's API says about a sandbox: its states, its time to live,
// the answers and errors of every call that a lifecycle needs, the routing of
// traffic into it, what it costs, and a script of the faults that the hosted
// service is known for. It does not know how a sandbox runs its processes
// (package sandbox, behind Backend), what the daemon inside it speaks, or
// anything about the caller.
package e2bsim

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"siesta/local/e2bsim/sandbox"
)

// Config says how a simulated E2B behaves. Only DataDir and Backend are
// required.
type Config struct {
	DataDir string  // a folder of its own, with one for each sandbox; those of an earlier run come back paused
	Backend Backend // what runs the sandboxes

	APIKeys   []string // accepted keys, all of one team; none: every key that starts with e2b_
	Domain    string   // previews are <port>-<id>.Domain; default e2b.app
	Templates []string // aliases that exist; default base
	BaseEnv   map[string]string
	Clock     *Clock // default: the machine's
	Plan      Plan
	Size      Size
	Prices    Prices

	// PauseLatency and ResumeLatency are how long a pause and a resume take
	// beyond their work. 0: 150 ms and 100 ms; below 0: no time.
	PauseLatency, ResumeLatency time.Duration
	// KeepSnapshots copies the files at every pause, which costs time. Without
	// it they are copied only for a sandbox without autoPause, and while a
	// fault is armed that may bring them back.
	KeepSnapshots bool
}

// Plan is what the team's subscription allows.
type Plan struct {
	MaxConcurrent int           // sandboxes that are not paused; beyond it 429; 0: no limit
	MaxTimeout    time.Duration // longest timeout a call may ask for; beyond it 400; 0: an hour; below 0: no limit
	MaxRun        time.Duration // longest time between two pauses; 0: an hour; below 0: no limit
	RefusePause   bool          // pause answers 403
}

// hobbyRun is what the Hobby plan allows for a run and for a timeout.
const hobbyRun = time.Hour

// Size is what every sandbox has, and is billed for.
type Size struct{ CPUs, MemoryMB, DiskMB int }

// publicSize is what E2B's price page says of a sandbox whose template asks for
// nothing else.
var publicSize = Size{CPUs: 2, MemoryMB: 512, DiskMB: 10240}

const (
	defaultDomain  = "e2b.app"
	clientID       = "6532622b"
	envdPort       = sandbox.EnvdPort
	requestTimeout = 70 * time.Second // E2B's limit on any call
	evictInterval  = 50 * time.Millisecond
)

// Server is one simulated E2B. Its methods may be called at any time from any
// goroutine.
type Server struct {
	cfg     Config
	clock   *Clock
	seed    [16]byte
	edge    *http.Transport
	closing context.Context // ends with Close; bounds every operation
	stop    context.CancelFunc
	work    sync.WaitGroup
	faults  faults
	calls   callLog

	mu      sync.Mutex
	plan    Plan
	keys    []string
	boxes   map[string]*box
	firsts  map[string]*first // by Idempotency-Key
	changed chan struct{}     // closed and replaced at every change of state
}

// New starts a simulated E2B. Close must be called to end its sandboxes.
func New(cfg Config) (*Server, error) {
	if cfg.DataDir == "" || cfg.Backend == nil {
		return nil, errors.New("e2bsim: a data folder and a backend are required")
	}
	if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	if cfg.Domain == "" {
		cfg.Domain = defaultDomain
	}
	if len(cfg.Templates) == 0 {
		cfg.Templates = []string{"base"}
	}
	if cfg.Size == (Size{}) {
		cfg.Size = publicSize
	}
	cfg.PauseLatency = cmp.Or(cfg.PauseLatency, 150*time.Millisecond)
	cfg.ResumeLatency = cmp.Or(cfg.ResumeLatency, 100*time.Millisecond)
	if cfg.Prices == (Prices{}) {
		cfg.Prices = PublicPrices
	}
	s := &Server{cfg: cfg, clock: cfg.Clock, plan: cfg.Plan, keys: slices.Clone(cfg.APIKeys), boxes: map[string]*box{}, firsts: map[string]*first{}, changed: make(chan struct{})}
	if s.clock == nil {
		s.clock = NewClock()
	}
	rand.Read(s.seed[:])
	s.closing, s.stop = context.WithCancel(context.Background())
	if err := s.load(); err != nil {
		return nil, err
	}
	s.edge = s.edgeTransport()
	s.work.Go(s.evictor)
	return s, nil
}

// Close ends every sandbox and waits for what is under way. The folders stay.
func (s *Server) Close() error {
	s.stop()
	s.mu.Lock()
	for _, b := range s.boxes {
		if m := b.machine; m != nil {
			s.work.Go(func() { _ = m.Kill() })
		}
	}
	s.mu.Unlock()
	s.work.Wait()
	s.edge.CloseIdleConnections()
	return nil
}

// Plan returns what the subscription allows now.
func (s *Server) Plan() Plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plan
}

// SetPlan changes what the subscription allows, for later calls.
func (s *Server) SetPlan(p Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = p
}

// SetAPIKeys replaces the accepted keys, as a rotation does. The sandboxes
// stay with the team.
func (s *Server) SetAPIKeys(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = slices.Clone(keys)
}

// sleep waits for d of real time, or until the server closes or ctx ends.
func (s *Server) sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-s.closing.Done():
	}
}
