package world

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"siesta/local/client"
	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

// Iterate starts a job as Change does, which must be accepted.
func (s *System) Iterate(ctx context.Context, from, check string) (id string, err error) {
	a, err := client.Wanted(http.StatusCreated)(s.Change(ctx, from, check))
	return a.Told.JobID, err
}

// Change asks for a job that changes a version's page, and all else that a change may,
// with its dependencies. check is its check.
func (s *System) Change(ctx context.Context, from, check string) (client.Answer, error) {
	base, err := s.Store.Get(ctx, from)
	if err != nil {
		return client.Answer{}, err
	}
	r := s.Request()
	install := "mkdir -p node_modules/new && echo new >node_modules/new/index.js"
	r.ProjectID, r.PreviousJobID, r.Commands.Install, r.Commands.Check = base.ProjectID, from, &install, &check
	r.Source.Files = map[string]job.File{
		"index.html": {Content: []byte("changed")}, "package.json": {Content: []byte("{}")}, "src/a.js": {Delete: true}, "src/b/c.js": {Content: []byte("new")},
	}
	return s.API().Start(ctx, r, "")
}

// Sleeping is a version that an iteration can change, asleep: with dependencies, and
// files of several kinds.
func Sleeping(ctx context.Context, s *System) (id string, err error) {
	r := s.Request()
	install := "mkdir -p node_modules/old && echo old >node_modules/old/index.js"
	r.Commands.Install = &install
	r.Source.Files["src/a.js"] = job.File{Content: []byte("old")}
	a, err := client.Wanted(http.StatusCreated)(s.API().Start(ctx, r, ""))
	if err != nil {
		return "", err
	}
	id = a.Told.JobID
	if err := s.reach(ctx, id, "build", func(j job.Job) bool { return j.Status == job.Ready }); err != nil {
		return "", err
	}
	return id, s.reach(ctx, id, "pause", func(j job.Job) bool { return j.SandboxPaused })
}

// Pristine is the Workspace of a version that nothing was done to. It empties the system.
func (s *System) Pristine(ctx context.Context) (string, error) {
	if err := s.Empty(ctx); err != nil {
		return "", err
	}
	id, err := Sleeping(ctx, s)
	if err != nil {
		return "", err
	}
	return s.Workspace(ctx, id)
}

// Workspace is all that the workspace in a job's sandbox holds, in words. The sandbox is
// woken for that behind everybody's back.
func (s *System) Workspace(ctx context.Context, id string) (string, error) {
	j, err := s.Store.Get(ctx, id)
	if err != nil {
		return "", err
	}
	c, err := e2b.New(e2b.Config{APIURL: s.E2BAPIURL, SandboxURL: s.E2BSandboxURL, Domain: s.E2BDomain, Key: secrets.Fixed(s.E2BAPIKey).Get})
	if err != nil {
		return "", err
	}
	sandbox, _, err := c.Connect(ctx, j.SandboxID, time.Hour)
	if err != nil {
		return "", err
	}
	const look = "cd " + job.Workspace + " && find . -printf '%p %y %m %l\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum"
	seen, err := envd.Of(c, sandbox).Run(ctx, envd.Command{Path: "/bin/bash", Args: []string{"-c", look}}, 1<<20)
	if err == nil && seen.ExitCode != 0 {
		err = fmt.Errorf("look at workspace: exit code %d: %s", seen.ExitCode, seen.Stderr)
	}
	return string(seen.Stdout), err
}
