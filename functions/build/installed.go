package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"

	"siesta/functions/build/inplace"
	"siesta/shared/detect"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// changed is what differs of a workspace from the copy of it: what decides an install,
// and what a server reads only as it starts.
type changed struct{ deps, config bool }

// changes are those since the copy was made.
func (t *turn) changes(ctx context.Context) (changed, error) {
	if t.compared != nil {
		return *t.compared, nil
	}
	look := envd.Command{Path: "/bin/bash", Args: []string{"-c", inplace.Compare(job.Workspace, t.aside())}}
	var seen envd.Result
	err := t.look(ctx, func(ctx context.Context) (err error) {
		seen, err = t.envd.Run(ctx, look, 4<<10)
		return err
	})
	if err != nil {
		return changed{}, err
	}
	deps, config, ok := inplace.Changes(seen.Stdout)
	if !ok { // what is not known may have changed
		return changed{deps: true, config: true}, nil
	}
	t.compared = &changed{deps, config}
	return *t.compared, nil
}

// installed reports whether the workspace has what the job would install. If not, what
// the version before had installed is moved aside.
func (t *turn) installed(ctx context.Context) (bool, error) {
	if t.j.Plan.Install == "" {
		return true, nil
	}
	from, err := t.earlier(ctx)
	if err != nil {
		return false, err
	}
	changed, err := t.changes(ctx)
	if err != nil {
		return false, err
	}
	var moved envd.Progress
	if err := t.look(ctx, func(ctx context.Context) (err error) {
		moved, err = t.envd.ReadStep(ctx, t.dir(asideStep+"-1"), 0, 0)
		return err
	}); err != nil {
		return false, err
	}
	same := !changed.deps && moved.Phase == envd.StepNone
	if same {
		if same, err = t.sameInstall(ctx, from); err != nil {
			return false, err
		}
	}
	if same {
		t.say(ctx, "Dependencies are as they were")
		return true, nil
	}
	return false, t.moveAside(ctx, from)
}

// sameInstall reports whether what a version was when the job took it would be
// installed as the job would be. That the version itself was installed by another
// command says little: its install may have written the lock file that decides it.
func (t *turn) sameInstall(ctx context.Context, from job.Job) (bool, error) {
	if from.Plan.Install == t.j.Plan.Install {
		return true, nil
	}
	for _, id := range []string{from.ID, t.j.ID} {
		request, err := t.store.Request(ctx, id)
		if err != nil {
			return false, fmt.Errorf("read request: %w", err)
		}
		if request.Commands.Install != nil {
			return false, nil
		}
	}
	view, err := t.view(ctx, path.Join(t.aside(), inplace.Files))
	if err != nil {
		return false, err
	}
	was, err := detect.Plan(view)
	return err == nil && was.Install == t.j.Plan.Install, nil // what cannot be told may differ
}

// moveAside stops the server of the version before, and moves aside what that had
// installed.
func (t *turn) moveAside(ctx context.Context, from job.Job) error {
	server, _, err := t.serverOf(ctx, from)
	if err != nil {
		return err
	}
	if err := t.stop(ctx, server); err != nil {
		return err
	}
	name, p, err := t.attempt(ctx, asideStep, inplace.Aside(job.Workspace, t.aside()), "Moving the installed dependencies aside")
	if err == nil && (p.Phase != envd.StepExited || p.ExitCode != 0) {
		err = t.exited(ctx, name, "Moving the installed dependencies aside failed", p)
	}
	return err
}

// makeWay moves aside what the version before has installed, if a source removes or
// changes any of that: nobody could put it back.
func (t *turn) makeWay(ctx context.Context, names iter.Seq[string]) error {
	var list []byte
	err := t.look(ctx, func(ctx context.Context) error {
		content, err := t.envd.Download(ctx, path.Join(t.aside(), inplace.Installed))
		if err != nil {
			return err
		}
		defer content.Close()
		list, err = io.ReadAll(io.LimitReader(content, 1<<20))
		return err
	})
	if err != nil {
		return err
	}
	for folder := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		folder = path.Clean(folder) + "/"
		for name := range names {
			if name += "/"; folder != "./" && (strings.HasPrefix(folder, name) || strings.HasPrefix(name, folder)) {
				from, err := t.earlier(ctx)
				if err != nil {
					return err
				}
				return t.moveAside(ctx, from)
			}
		}
	}
	return nil
}
