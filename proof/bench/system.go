package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"siesta/local/runtimeapi"
	"siesta/local/sqssim"
	"siesta/local/stack"
	"siesta/proof/world"
	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

// system is a whole system whose queues are polled by whoever measures.
type system struct {
	*stack.Stack
	db    *postgres.DB
	store *jobs.Store
	cache *redis.Cache
	e2b   *e2b.Client
	sqs   *sqs.Client
	dir   string

	lines world.Lines // what functions said last
}

// open starts a system; change alters its settings. Close it.
func (b *bench) open(ctx context.Context, change func(*stack.Config)) (_ *system, err error) {
	s := &system{lines: world.Lines{Most: 20}}
	if s.dir, err = world.Folder("bench"); err != nil {
		return nil, err
	}
	config := stack.Config{
		Root: ".", BinDir: b.bin, DataDir: filepath.Join(s.dir, "data"), Undelivered: true, ReconcileEvery: -1, Processes: 4,
		Log:    func(l runtimeapi.Line) { s.lines.Add(l.Function + ": " + l.Text) },
		Report: func(err error) { s.lines.Add(err.Error()) },
	}
	change(&config)
	if s.Stack, err = stack.Start(ctx, config); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	if err := s.connect(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *system) connect(ctx context.Context) (err error) {
	if s.db, err = postgres.Open(ctx, postgres.Config{URL: s.DatabaseURL}); err != nil {
		return err
	}
	s.store = jobs.NewStore(s.db, "", nil)
	if s.cache, err = redis.Open(redis.Config{URL: s.RedisURL, CallTimeout: 10 * time.Second}); err != nil {
		return err
	}
	domain := strings.TrimPrefix(s.E2BSandboxURL, "http://")
	s.e2b, err = e2b.New(e2b.Config{APIURL: s.E2BAPIURL, Domain: domain, SandboxURL: s.E2BSandboxURL, Key: secrets.Fixed(s.E2BAPIKey).Get})
	if err != nil {
		return err
	}
	aws, err := awsenv.Load(sqssim.ClientEnv)
	s.sqs = sqs.New(aws, &s.SQSURL)
	return err
}

// Close ends everything and leaves nothing.
func (s *system) Close() {
	if s.db != nil {
		s.db.Close()
	}
	if s.cache != nil {
		_ = s.cache.Close()
	}
	_ = s.Stack.Close() // what was measured is measured
	_ = os.RemoveAll(s.dir)
}

// failed is an error with what the functions said before.
func (s *system) failed(format string, args ...any) error {
	return fmt.Errorf(format+"\n%s", append(args, &s.lines)...)
}

// ready makes a job that is READY, with a sandbox that is due for its pause.
func (s *system) ready(ctx context.Context) (job.Job, error) {
	j, _, err := s.store.Accept(ctx, jobs.NewJob{
		ID: job.NewID(), UserID: "bench", Tier: job.Bootstrapper, Deadline: time.Hour,
		Request: job.Request{ProjectID: job.NewID(), Goal: "a page", Template: "base"},
	})
	var sandbox e2b.Sandbox
	for _, step := range []func() (job.Job, error){
		func() (job.Job, error) { return s.store.ClaimTurn(ctx, j.ID, 0) },
		func() (job.Job, error) { return s.store.Begin(ctx, j, job.Limits{}) },
		func() (job.Job, error) { return s.store.RecordCreate(ctx, j) },
		func() (_ job.Job, err error) {
			sandbox, err = s.e2b.Create(ctx, e2b.Create{Template: "base", Timeout: time.Hour, Metadata: job.Tags(s.StackTag, j.ID, j.CreateNo)})
			return j, err
		},
		func() (job.Job, error) { return s.store.RecordSandbox(ctx, j, sandbox.ID, time.Hour) },
		func() (job.Job, error) { return s.store.RecordMarker(ctx, j.ID, j.Epoch) },
		func() (job.Job, error) { return s.store.Advance(ctx, j, j.Progress, job.Code) },
		func() (job.Job, error) { return s.store.Advance(ctx, j, j.Progress, job.Deps) },
		func() (job.Job, error) { return s.store.Advance(ctx, j, j.Progress, job.Checks) },
		func() (job.Job, error) { return s.store.Ready(ctx, j, j.Progress, "https://3000-x.e2b.app", 0) },
	} {
		if err == nil {
			j, err = step()
		}
	}
	if err != nil {
		return job.Job{}, fmt.Errorf("make a READY job: %w", err)
	}
	return j, nil
}

// request is an app whose install is the given command.
func (b *bench) request(install string) job.Request {
	check, start := "", world.AppCommand(b.self)
	return job.Request{
		ProjectID: job.NewID(), Goal: "a page",
		Source:   job.Source{Files: map[string]job.File{"index.html": {Content: []byte("a page")}}},
		Commands: job.Commands{Install: &install, Check: &check, Start: &start},
	}
}
