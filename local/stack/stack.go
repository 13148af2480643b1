// Package stack runs the whole system on one machine, from template.yaml: real
// Postgres and Redis, SQS, E2B's simulator, the functions' own binaries behind
// the Lambda Runtime API, the gateway and the schedule. It is the only package
// that knows its siblings, and it knows how they are joined, not what they do.
package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/eventsource"
	"siesta/local/gateway"
	"siesta/local/postgresserver"
	"siesta/local/redisserver"
	"siesta/local/runtimeapi"
	"siesta/local/s3sim"
	"siesta/local/sqssim"
	"siesta/local/template"
)

// Config says where the system is and what differs from its defaults.
type Config struct {
	Root    string // the checkout: template.yaml
	BinDir  string // <function>/bootstrap, as Build makes them
	DataDir string // what the system keeps while it runs
	Keep    bool   // go on with the data that is there, and leave it

	// Env are settings of the functions, such as PAUSE_AFTER_SECONDS; they win
	// over the system's own. With E2B_API_URL and E2B_API_KEY the sandboxes are
	// those of the service there, not simulated ones; without Keep, those of this
	// data folder's systems are killed when one starts and when it closes. With
	// E2B_DOMAIN simulated previews are below that, and not below localhost.
	Env map[string]string
	// Origins are those of web pages that may call the API, beside the template's.
	Origins []string
	// ProcessEnv, if set, is asked before a process of a function starts, with
	// the environment that it is to have; what it returns wins.
	ProcessEnv func(function string, process int, env map[string]string) map[string]string
	// SandboxEnv is what every simulated sandbox has in its environment.
	SandboxEnv map[string]string

	E2B            func(*e2bsim.Config) // changes the simulator's settings; may be nil
	ReconcileEvery time.Duration        // 0: one minute, as deployed; below 0: never by itself
	Clock          bool                 // Postgres' time can be moved on
	Undelivered    bool                 // nobody polls the queues but Deliver
	Processes      int                  // of each function at most; 0: 4
	Log            func(runtimeapi.Line)
	Report         func(error) // told what goes wrong in between; nil drops it
}

// Stack is a running system.
type Stack struct {
	// Addresses as .local/env tells them.
	APIURL, Token, DatabaseURL, RedisURL, SQSURL, BuildQueueURL, PauseQueueURL, S3URL string
	E2BAPIURL, E2BSandboxURL, E2BDomain, E2BAPIKey, AdminURL                          string
	StackTag                                                                          string

	// The parts, for tests that look into them or break them.
	Postgres  *postgresserver.Server
	Redis     *redisserver.Server
	SQS       *sqssim.Server
	S3        *s3sim.Server
	E2B       *e2bsim.Server // nil with a service elsewhere
	Runtime   *runtimeapi.Server
	Reconcile eventsource.Schedule

	config   Config
	template template.Template
	issuer   *gateway.Issuer
	mappings map[string]eventsource.Mapping // by function
	identity identity
	password string // of the cache's users
	closers  []func() error
	polling  context.CancelFunc
	polls    sync.WaitGroup
}

// Start brings everything up and returns when the API answers. On an error
// nothing is left running.
func Start(ctx context.Context, c Config) (*Stack, error) {
	s := &Stack{config: c}
	if s.config.Processes == 0 {
		s.config.Processes = 4
	}
	if s.config.Report == nil {
		s.config.Report = func(error) {}
	}
	for _, step := range []func(context.Context) error{
		s.prepare, s.startPostgres, s.startRedis, s.startSQS, s.startS3, s.startE2B, s.startRuntime, s.migrate, s.startGateway, s.startPolling,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close stops everything, the functions first, and waits for it.
func (s *Stack) Close() error {
	if s.polling != nil {
		s.polling()
	}
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	s.polls.Wait()
	return errors.Join(errs...)
}

func (s *Stack) onClose(f func() error) { s.closers = append(s.closers, f) }

func (s *Stack) prepare(context.Context) (err error) {
	text, err := os.ReadFile(filepath.Join(s.config.Root, "template.yaml"))
	if err != nil {
		return fmt.Errorf("read template: %w", err)
	}
	if s.template, err = template.Read(text); err != nil {
		return err
	}
	if err := os.MkdirAll(s.config.DataDir, 0o755); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if !s.config.Keep {
		if err := s.empty(); err != nil {
			return err
		}
		s.onClose(s.empty)
	}
	s.identity, err = openIdentity(filepath.Join(s.config.DataDir, identityFile))
	s.StackTag = s.identity.StackTag
	return err
}

// empty removes all data but the identity: sandboxes that a killed system left
// with a service elsewhere are known by it alone.
func (s *Stack) empty() error {
	entries, err := os.ReadDir(s.config.DataDir)
	for _, e := range entries {
		if e.Name() != identityFile {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.config.DataDir, e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("empty data folder: %w", err)
	}
	return nil
}

func (s *Stack) migrate(ctx context.Context) error {
	result, err := s.Runtime.Invoke(ctx, "migrate", []byte(`{"action":"up"}`))
	if err == nil && result.FunctionError != "" {
		err = fmt.Errorf("function migrate: %s", result.Payload)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Invoke calls a function as AWS's own services do.
func (s *Stack) Invoke(ctx context.Context, function string, payload []byte) ([]byte, string, error) {
	result, err := s.Runtime.Invoke(ctx, function, payload)
	return result.Payload, result.FunctionError, err
}

// Deliver gives a function what can be received from its queue now, at most one
// batch, and returns how many messages that were.
func (s *Stack) Deliver(ctx context.Context, function string) (int, error) {
	return s.mappings[function].Once(ctx)
}

// Queues are the template's names of all queues.
func (s *Stack) Queues() (names []string) {
	for _, q := range s.template.Queues {
		names = append(names, q.Name)
	}
	return names
}

// serve answers handler on a free port of this machine until the stack closes.
func (s *Stack) serve(handler http.Handler) (address string, err error) {
	listener, err := listen()
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	s.onClose(server.Close)
	return listener.Addr().String(), nil
}
