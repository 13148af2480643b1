package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"

	"siesta/functions/build/inplace"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// Our own steps in a workspace that was taken, each with a number.
const (
	keepStep  = "keep"
	asideStep = "aside"
	backStep  = "back"
)

// mostAttempts is how often a build begins anew one of its own steps in a workspace
// that it took, if a sandbox's end cuts it.
const mostAttempts = 3

// aside is the folder of what the job copies, and moves, out of the way.
func (t *turn) aside() string { return path.Join(path.Dir(t.dir("")), "keep") }

// copyAside copies the workspace before anything in it is changed.
func (t *turn) copyAside(ctx context.Context) error {
	own := path.Dir(t.dir(""))
	command := inplace.Keep(job.Workspace, t.aside(), path.Dir(own), own)
	name, p, err := t.attempt(ctx, keepStep, command, "Copying the version before aside")
	if err != nil {
		return err
	}
	switch {
	case p.Phase == envd.StepExited && p.ExitCode == inplace.ExitNoTools:
		return failed(nil, "The template has no GNU tar and coreutils, by which the version before is copied aside. Send the change with keep_previous.")
	case p.Phase != envd.StepExited || p.ExitCode != 0:
		return t.exited(ctx, name, "Copying the version before aside failed", p)
	}
	hash, ok := inplace.Hash(p.Output)
	if !ok {
		return failed(nil, "Copying the version before aside left no proof of it.")
	}
	j, err := t.store.RecordKept(ctx, t.j, t.sum(), hash)
	return t.enter(ctx, "starting", j, err)
}

// attempt runs one of our own steps that may be cut and begun again, each time under
// a number of its own, and returns the newest one's name and how it ended.
func (t *turn) attempt(ctx context.Context, name, command, saying string) (string, envd.Progress, error) {
	for n := 1; ; n++ {
		numbered := name + "-" + strconv.Itoa(n)
		p, err := t.finish(ctx, numbered, command, saying, saying)
		if err != nil || p.Phase != envd.StepDied || n == mostAttempts {
			return numbered, p, err
		}
	}
}

// earlier is the version that the job took its sandbox from.
func (t *turn) earlier(ctx context.Context) (job.Job, error) {
	from, err := t.store.Get(ctx, t.j.TakenFrom)
	if err != nil {
		return from, fmt.Errorf("read previous job: %w", err)
	}
	return from, nil
}

// serverOf is the folder of the step that serves a version's app, or did last. serves is
// false where that only installs: no server runs.
func (t *turn) serverOf(ctx context.Context, j job.Job) (folder string, serves bool, err error) {
	err = t.look(ctx, func(ctx context.Context) error {
		step, found, err := t.envd.NewestServer(ctx, j.ID, j.CreateNo)
		folder, serves = envd.StepDir(j.ID, j.CreateNo, step.String()), step.Stage != envd.ServerInstall
		if !found && j.Plan.ServedBy != "" {
			folder = j.Plan.ServedBy
		}
		return err
	})
	return folder, serves, err
}

// runs reports whether a step's command is at work, and how much it has printed.
func (t *turn) runs(ctx context.Context, folder string) (bool, int64, error) {
	var p envd.Progress
	err := t.look(ctx, func(ctx context.Context) (err error) {
		p, err = t.envd.ReadStep(ctx, folder, 0, 0)
		return err
	})
	return p.Phase == envd.StepRunning, p.Size, err
}

// stop ends a step of the sandbox.
func (t *turn) stop(ctx context.Context, folder string) error {
	stopping, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	if err := t.envd.StopStep(stopping, folder); err != nil {
		return t.notStarted(ctx, err)
	}
	return nil
}

// keepsServer reports whether the server of the version before shows the job's app: it
// was started as the job's would be, sees by itself what has changed, and lives. Its
// output from now on is the job's. Else it is stopped.
func (t *turn) keepsServer(ctx context.Context) (string, int64, error) {
	from, err := t.earlier(ctx)
	if err != nil {
		return "", 0, err
	}
	server, serves, err := t.serverOf(ctx, from)
	if err != nil {
		return "", 0, err
	}
	same, err := t.sameServer(ctx, from)
	if err != nil {
		return "", 0, err
	}
	if same && serves {
		live, size, err := t.runs(ctx, server)
		if live || err != nil {
			return server, size, err
		}
	}
	return "", 0, t.stop(ctx, server)
}

// sameServer reports whether a version's server was started as the job's would be, and
// takes up changed files.
func (t *turn) sameServer(ctx context.Context, from job.Job) (bool, error) {
	was, is := from.Plan, t.j.Plan
	if !is.Reloads || was.Server() != is.Server() || was.Port != is.Port || !maps.Equal(was.Env, is.Env) {
		return false, nil
	}
	env, err := t.sealer.Open(ctx, from.ID, from.EnvSealed)
	if err != nil {
		return false, fmt.Errorf("open previous environment: %w", err)
	}
	if !maps.Equal(env, t.env) {
		return false, nil
	}
	changed, err := t.changes(ctx)
	return !changed.deps && !changed.config, err
}

// ownStep reports whether a step's command is ours: it has no environment, and its
// output is for nobody.
func ownStep(name string) bool {
	name, _, _ = strings.Cut(name, "-")
	switch name {
	case captureStep, baseStep, keepStep, asideStep, backStep:
		return true
	}
	return false
}
