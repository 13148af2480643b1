package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/postgresserver"
	"siesta/local/runtimeapi"
	"siesta/local/sqssim"
	"siesta/local/stack"
	"siesta/proof/promises"
	"siesta/shared/awsenv"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/sqs"
)

// config is what a run is told.
type config struct {
	root, bin, data, log string
	jobs, wakes, clients int
	processes            int           // of each function
	reconcileEvery       time.Duration // more often than deployed, to be part of a short run
	patience             time.Duration // without any progress
	bounds               bool          // judge what it cost as well: memory, connections, what is left behind, reconcile's work
	progress             io.Writer
}

// system is a whole system that works by itself, and what looks into it.
type system struct {
	*stack.Stack
	db      *postgres.DB
	store   *jobs.Store
	checker *promises.Checker
	builds  *sqs.Queue
	journal *journal
	self    string // this program, which is also the app that jobs build
}

// open starts a system. Close it.
func open(ctx context.Context, c config) (_ *system, err error) {
	s := &system{}
	if s.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	if s.journal, err = newJournal(c.log); err != nil {
		return nil, err
	}
	s.Stack, err = stack.Start(ctx, stack.Config{
		Root: c.root, BinDir: c.bin, DataDir: c.data, Processes: c.processes, ReconcileEvery: c.reconcileEvery,
		E2B: func(e *e2bsim.Config) { e.Backend = e2bsim.Processes{Files: []string{s.self}} },
		ProcessEnv: func(function string, process int, env map[string]string) map[string]string {
			return map[string]string{"PGAPPNAME": appName(function, process)} // tells its connections from others'
		},
		Log: s.journal.line, Report: s.journal.report,
	})
	if err != nil {
		return nil, errors.Join(err, s.journal.close())
	}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect takes the socket to Postgres: what comes by TCP is a function's.
func (s *system) connect(ctx context.Context) (err error) {
	if s.db, err = postgres.Open(ctx, postgres.Config{URL: s.Postgres.SocketURL(postgresserver.Database)}); err != nil {
		return err
	}
	s.store = jobs.NewStore(s.db, "", nil)
	if s.checker, err = promises.New(s.Stack, s.store); err != nil {
		return err
	}
	aws, err := awsenv.Load(sqssim.ClientEnv)
	s.builds = sqs.New(aws, &s.SQSURL).Queue(s.BuildQueueURL, "")
	return err
}

// Close ends everything.
func (s *system) Close() error {
	err := s.Stack.Close()
	if s.db != nil {
		s.db.Close()
	}
	if s.checker != nil {
		err = errors.Join(err, s.checker.Close())
	}
	return errors.Join(err, s.journal.close())
}

// journal is what functions write, and of that what must not be in it.
type journal struct {
	mu       sync.Mutex
	file     *os.File
	buffer   *bufio.Writer
	reported []string       // by the local system: a batch that failed, a 5xx
	healed   map[string]int // by reconcile, by its rules
}

func newJournal(name string) (*journal, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	return &journal{file: file, buffer: bufio.NewWriter(file), healed: map[string]int{}}, nil
}

func (j *journal) close() error { return errors.Join(j.buffer.Flush(), j.file.Close()) }

func (j *journal) line(l runtimeapi.Line) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(j.buffer, "%s[%d] %s\n", l.Function, l.Process, l.Text)
	if l.Function != "reconcile" {
		return
	}
	var numbers map[string]any
	if json.Unmarshal([]byte(l.Text), &numbers) != nil {
		return
	}
	for name, n := range numbers {
		if n, ok := n.(float64); ok && n > 0 && strings.HasSuffix(name, "_healed") {
			j.healed[strings.TrimSuffix(name, "_healed")] += int(n)
		}
	}
}

func (j *journal) report(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(j.buffer, "local: %v\n", err)
	j.reported = append(j.reported, err.Error())
}
