package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/runtimeapi"
	"siesta/local/stack"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

// Config says where a System is.
type Config struct {
	Root    string            // the checkout
	BinDir  string            // what Build made
	DataDir string            // of this system alone
	Env     map[string]string // settings of the functions
	Log     func(string)      // told what functions write, and what goes wrong; nil drops it
}

// System is a whole system in one hand: messages come by Deliver, time passes
// by Pass, reconcile runs by Sweep, and every call of a function meets the fate
// that is decided for it.
type System struct {
	*stack.Stack
	db    *postgres.DB
	store *jobs.Store
	cache *redis.Cache
	wires *wires
	judge changing
	self  string // this program, which is also the app that jobs build

	meddled
	allowed time.Duration // beyond Overrun, for more than one fault
}

// Start brings a System up. Close ends it.
func Start(ctx context.Context, c Config) (*System, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	log := c.Log
	if log == nil {
		log = func(string) {}
	}
	s := &System{self: self}
	s.Judge(nil)
	s.wires = newWires(&s.judge, func(function string, process int) { s.Runtime.Kill(function, process) })
	s.Stack, err = stack.Start(ctx, stack.Config{
		Root: c.Root, BinDir: c.BinDir, DataDir: c.DataDir, Env: c.Env,
		ProcessEnv: s.wires.env, Clock: true, Undelivered: true, ReconcileEvery: -1, Processes: 4,
		E2B: func(e *e2bsim.Config) {
			e.Backend = e2bsim.Processes{Files: []string{self}}
			e.PauseLatency, e.ResumeLatency = -1, -1
		},
		Log:    func(l runtimeapi.Line) { log(fmt.Sprintf("%s[%d] %s", l.Function, l.Process, l.Text)) },
		Report: func(err error) { log("local: " + err.Error()) },
	})
	if err != nil {
		return nil, err
	}
	if s.db, err = postgres.Open(ctx, postgres.Config{URL: s.DatabaseURL}); err == nil {
		s.store = jobs.NewStore(s.db, "", nil)
		s.cache, err = redis.Open(redis.Config{URL: s.RedisURL, CallTimeout: 10 * time.Second})
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends everything and waits for it.
func (s *System) Close() error {
	err := s.Stack.Close()
	s.wires.close()
	if s.db != nil {
		s.db.Close()
	}
	if s.cache != nil {
		err = errors.Join(err, s.cache.Close())
	}
	return err
}

// Judge makes j decide about every call from now on; with nil all pass.
func (s *System) Judge(j Judge) {
	if j == nil {
		j = nobodyAsks{}
	}
	s.judge.now.Store(&j)
}

// changing is the judge of the moment.
type changing struct{ now atomic.Pointer[Judge] }

func (c *changing) Admit(call Call) Fate { return (*c.now.Load()).Admit(call) }
func (c *changing) Answered(call Call)   { (*c.now.Load()).Answered(call) }

// nobodyAsks lets everything pass.
type nobodyAsks struct{}

func (nobodyAsks) Admit(Call) Fate { return Pass }
func (nobodyAsks) Answered(Call)   {}

// Empty makes an end of every job, sandbox and message.
func (s *System) Empty(ctx context.Context) error {
	for _, sandbox := range s.E2B.Sandboxes() {
		if sandbox.State != e2bsim.StateGone {
			_ = s.E2B.Vanish(ctx, sandbox.ID) // gone meanwhile is as good
		}
	}
	s.dropMessages()
	s.forget()
	return s.Postgres.Empty(ctx)
}

// forget lets nothing be excused by what was done before.
func (s *System) forget() {
	s.E2B.ClearFaults()
	s.allowed, s.meddled = 0, meddled{woken: map[string]bool{}}
}

func (s *System) dropMessages() {
	for _, queue := range s.Queues() {
		for _, m := range s.SQS.Messages(queue) {
			s.SQS.Remove(queue, m.ID)
		}
	}
}

// DeliverAll delivers what both queues hold, and what comes of it, until nothing
// can be received now.
func (s *System) DeliverAll(ctx context.Context) error {
	for {
		total := 0
		for _, function := range []string{"build", "pause"} {
			n, err := s.Deliver(ctx, function)
			if err != nil {
				return err
			}
			total += n
		}
		if total == 0 {
			return nil
		}
	}
}

// Sweep runs reconcile once.
func (s *System) Sweep(ctx context.Context) error {
	_, err := s.Reconcile.Trigger(ctx)
	return err
}

// Pass lets d pass on every clock.
func (s *System) Pass(ctx context.Context, d time.Duration) error {
	if err := s.Postgres.Advance(ctx, d); err != nil {
		return err
	}
	s.SQS.Advance(d)
	return s.E2B.Advance(ctx, d)
}

// Jobs are all jobs there are.
func (s *System) Jobs(ctx context.Context) ([]job.Job, error) {
	const most = 1000
	return s.store.Changed(ctx, time.Time{}, "", most)
}

// API is a user of the system.
func (s *System) API() client.Client { return client.Client{URL: s.APIURL, Token: s.Token} }
