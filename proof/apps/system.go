package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"siesta/local/checkout"
	"siesta/local/client"
	"siesta/local/stack"
	"siesta/proof/browser"
	"siesta/proof/openapi"
	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/secrets"
)

const (
	domain = "e2b.test" // which no development server trusts by itself
	// buildTime is how long a build may take, and soon what is to happen in a page.
	buildTime = 15 * time.Minute
	soon      = 45 * time.Second
	lookEvery = 100 * time.Millisecond
)

// system is a whole system with a browser that finds its previews.
type system struct {
	*stack.Stack
	root    string // the checkout
	kept    string // where pictures, the log and downloads are kept
	log     *os.File
	user    client.Client
	e2b     *e2b.Client
	db      *postgres.DB
	store   *jobs.Store
	browser *browser.Browser
}

// open starts a system as "make run" has it: limits, network, the machine's way
// to the registries. What it leaves is in the folder kept. It ends with close.
func open(ctx context.Context, c checkout.Checkout, bin, data, kept string) (_ *system, err error) {
	s := &system{root: c.Root, kept: kept}
	if s.log, err = os.Create(filepath.Join(kept, "log")); err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	getenv := c.Getenv
	c.Getenv = func(name string) string {
		if strings.HasPrefix(name, "E2B_") {
			return ""
		}
		return getenv(name)
	}
	config, err := c.Config(s.log)
	if err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	config.BinDir, config.DataDir, config.Keep = bin, data, false
	config.Env = map[string]string{"E2B_DOMAIN": domain, "PAUSE_AFTER_SECONDS": "900"}
	if s.Stack, err = stack.Start(ctx, config); err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	if err := s.join(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *system) join(ctx context.Context) (err error) {
	s.user = client.Client{URL: s.APIURL, Token: s.Token, Check: openapi.Check}
	if s.db, err = postgres.Open(ctx, postgres.Config{URL: s.DatabaseURL}); err != nil {
		return err
	}
	s.store = jobs.NewStore(s.db, "", nil)
	if s.e2b, err = e2b.New(e2b.Config{APIURL: s.E2BAPIURL, SandboxURL: s.E2BSandboxURL, Domain: domain, Key: secrets.Fixed(s.E2BAPIKey).Get}); err != nil {
		return err
	}
	s.browser, err = browser.Start(ctx, domain, strings.TrimPrefix(s.E2BSandboxURL, "http://"))
	return err
}

func (s *system) close() (err error) {
	if s.browser != nil {
		err = s.browser.Close()
	}
	if s.db != nil {
		s.db.Close()
	}
	return errors.Join(err, s.Stack.Close(), s.log.Close())
}

// tryAll tries projects, some at a time, and tells of each result.
func (s *system) tryAll(ctx context.Context, apps []app, together int, told func(result) error) error {
	var all sync.WaitGroup
	next := make(chan app)
	errs := make(chan error, len(apps))
	for range together {
		all.Go(func() {
			for a := range next {
				r := s.try(ctx, a)
				if ctx.Err() == nil {
					errs <- told(r)
				}
			}
		})
	}
	for _, a := range apps {
		select {
		case next <- a:
		case <-ctx.Done():
		}
	}
	close(next)
	all.Wait()
	close(errs)
	err := ctx.Err()
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}

// build builds a project, and returns its job once that is READY or has failed.
func (s *system) build(ctx context.Context, a app, files map[string]job.File) (job.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, buildTime)
	defer cancel()
	request := job.Request{ProjectID: job.NewID(), Goal: "show " + a.name, Source: job.Source{Files: files}}
	started, err := client.Wanted(http.StatusCreated)(s.user.Start(ctx, request, ""))
	if err != nil {
		return job.Job{}, err
	}
	for {
		answer, err := client.Wanted(http.StatusOK)(s.user.Status(ctx, started.Told.JobID))
		if err != nil {
			return job.Job{}, err
		}
		if answer.Told.Status.Terminal() {
			return s.store.Get(ctx, started.Told.JobID)
		}
		if err := wait(ctx, lookEvery); err != nil {
			return job.Job{}, err
		}
	}
}

// forget puts a job's preview to sleep and frees its disk, as well as that goes:
// what is left ends with the system.
func (s *system) forget(j job.Job) {
	if j.Status != job.Ready {
		return // its sandbox is killed
	}
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	_, err := s.user.Do(ctx, j.ID, client.Snapshot)
	for err == nil {
		var answer client.Answer
		if answer, err = s.user.Status(ctx, j.ID); answer.Told.SandboxPaused {
			break
		}
		err = errors.Join(err, wait(ctx, lookEvery))
	}
	_ = s.E2B.Vanish(ctx, j.SandboxID)
}

// change edits a file of a sandbox, as an app builder's agent does.
func (s *system) change(ctx context.Context, sandbox string, e edit) error {
	inside, err := s.inside(ctx, sandbox)
	if err != nil {
		return err
	}
	text, err := inside.ReadFile(ctx, job.Workspace+"/"+e.file, 0, 1<<20)
	if err != nil {
		return err
	}
	edited := bytes.ReplaceAll(text, []byte(e.from), []byte(e.to))
	if bytes.Equal(edited, text) {
		return fmt.Errorf("%s has no %q", e.file, e.from)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(edited)), nil }
	files := func(yield func(envd.File, error) bool) { yield(envd.File{Name: e.file, Open: open}, nil) }
	return inside.Upload(ctx, job.Workspace, files)
}

func (s *system) inside(ctx context.Context, sandbox string) (*envd.Client, error) {
	box, err := s.e2b.Get(ctx, sandbox)
	if err != nil {
		return nil, err
	}
	return envd.Of(s.e2b, box), nil
}

// versions are what was installed of what the project lists, as far as that can
// be told.
func (s *system) versions(ctx context.Context, sandbox string) string {
	inside, err := s.inside(ctx, sandbox)
	if err != nil {
		return ""
	}
	script := `cd ` + job.Workspace + ` && if [ -x .venv/bin/pip ]; then .venv/bin/pip list --not-required --format=freeze | grep -v '^pip=\|^setuptools='
elif [ -f package.json ]; then node -e 'const p=require("./package.json");for(const n in {...p.dependencies,...p.devDependencies})try{console.log(n+"="+JSON.parse(require("fs").readFileSync("node_modules/"+n+"/package.json")).version)}catch{}'; fi`
	r, err := inside.Run(ctx, envd.Command{Path: "/bin/sh", Args: []string{"-c", script}}, 1<<16)
	if err != nil || r.ExitCode != 0 {
		return ""
	}
	lines := strings.Fields(strings.ReplaceAll(string(r.Stdout), "==", "="))
	slices.Sort(lines)
	return strings.ReplaceAll(strings.Join(lines, " "), "=", " ")
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
