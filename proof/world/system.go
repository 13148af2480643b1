// Package world is the whole system under the control of one test or command, for
// whoever proves something of it: nothing in it happens by itself. Messages come by Deliver, time passes by
// Pass, reconcile runs by Sweep, and a Judge decides about every call that a
// function makes. It owns the wires on which those calls go, the ways to bring a
// job to a point of its life, and how the system comes to rest.
//
// It knows how the parts are joined. It knows no function's own steps: whatever
// a function sends is a call, in whatever protocol.
package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/runtimeapi"
	"siesta/local/stack"
	"siesta/proof/openapi"
	"siesta/proof/promises"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

// Config says where a System is.
type Config struct {
	Root    string            // the checkout
	BinDir  string            // where stack.Build put the functions
	DataDir string            // of this system alone
	Env     map[string]string // settings of the functions
	Log     func(string)      // told what functions write, and what goes wrong; nil drops it
}

// System is a whole system that does nothing by itself. Its methods may be called
// by several at once, as long as nobody empties it meanwhile.
type System struct {
	*stack.Stack
	db      *postgres.DB
	Store   *jobs.Store
	Cache   *redis.Cache
	checker *promises.Checker
	wires   *wires
	judge   changing
	self    string // this program, which is also the app that jobs build

	mu      sync.Mutex
	excused excused
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
	s := &System{self: self, excused: nothing()}
	s.Judge(nil)
	s.wires = newWires(&s.judge, func(function string, process int) { s.Runtime.Kill(function, process) })
	s.Stack, err = stack.Start(ctx, stack.Config{
		Root: c.Root, BinDir: c.BinDir, DataDir: c.DataDir, Env: c.Env,
		ProcessEnv: s.wires.env, Clock: true, Undelivered: true, ReconcileEvery: -1, Processes: 4,
		E2B: func(e *e2bsim.Config) {
			e.Backend = e2bsim.Processes{Files: []string{self}}
			e.PauseLatency, e.ResumeLatency = -1, -1
			// A function reads off its own clock, which stays where it is, when a
			// run that E2B cut short ends.
			e.Plan.MaxRun = -1
		},
		Log:    func(l runtimeapi.Line) { log(fmt.Sprintf("%s[%d] %s", l.Function, l.Process, l.Text)) },
		Report: func(err error) { log("local: " + err.Error()) },
	})
	if err != nil {
		return nil, err
	}
	if s.db, err = postgres.Open(ctx, postgres.Config{URL: s.DatabaseURL}); err == nil {
		s.Store = jobs.NewStore(s.db, "", nil)
		s.Cache, err = redis.Open(redis.Config{URL: s.RedisURL, CallTimeout: 10 * time.Second})
	}
	if err == nil {
		s.checker, err = promises.New(s.Stack, s.Store)
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
	if s.Cache != nil {
		err = errors.Join(err, s.Cache.Close())
	}
	if s.checker != nil {
		err = errors.Join(err, s.checker.Close())
	}
	return err
}

// API is a user of the system, who is told nothing but what docs/openapi.yaml says.
func (s *System) API() client.Client {
	return client.Client{URL: s.APIURL, Token: s.Token, Check: openapi.Check}
}
