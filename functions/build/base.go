package main

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"io"
	"path"

	"siesta/functions/build/inplace"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/s3"
)

// baseScript makes the workspace what an archive holds.
//
//go:embed base.sh
var baseScript string

const (
	baseStep = "base"
	// exitDamaged is how baseScript ends when the archive is not what was kept.
	exitDamaged = 4
)

// base makes the workspace what the version had that the job is built from.
func (t *turn) base(ctx context.Context) error {
	base, err := t.store.GetOwned(ctx, t.j.BaseJobID, t.j.UserID)
	if err != nil && !errors.Is(err, job.ErrNotFound) {
		return fmt.Errorf("read base: %w", err)
	}
	if err != nil || t.kept == nil || !base.Kept() {
		return noBase(err)
	}
	archive := path.Join(path.Dir(t.dir(baseStep)), captured)
	p, err := t.watch(ctx, baseStep)
	if err == nil && p.Phase == envd.StepNone {
		err = t.send(ctx, base.SourceKey, archive)
	}
	if err != nil {
		return err
	}
	command := fmt.Sprintf("from=%s hash=%s\n%s", archive, job.SourceHash(base.SourceKey), inplace.Folders+baseScript)
	p, err = t.finish(ctx, baseStep, command, "Restoring the code", "Restoring the code of "+base.BuildVersion)
	switch {
	case err != nil:
		return err
	case p.Phase == envd.StepExited && p.ExitCode == exitDamaged:
		return failed(nil, "The kept code of %s is damaged.", base.BuildVersion)
	case p.Phase != envd.StepExited || p.ExitCode != 0:
		return t.exited(ctx, baseStep, "Restoring the code failed", p)
	}
	return nil
}

func noBase(cause error) error {
	return failed(cause, "The code of the version to start from is no longer kept.")
}

// send copies a kept archive into the sandbox.
func (t *turn) send(ctx context.Context, key, to string) error {
	fetching, cancel := context.WithDeadline(ctx, t.claimed.Add(fetchTime))
	defer cancel()
	content, err := t.kept.Get(fetching, key)
	switch {
	case errors.Is(err, job.ErrNotFound):
		return noBase(err)
	case errors.Is(err, s3.ErrStore):
		return &failure{message: "This service could not read the kept code.", cause: err, kind: metrics.JobsFailedService}
	case err != nil:
		t.log.WarnContext(ctx, "read kept code", "error", err)
		return waitFor(fetchAgain)
	}
	defer content.Close()
	file, err := temporary(content)
	if errors.Is(err, job.ErrUnavailable) {
		t.log.WarnContext(ctx, "read kept code", "error", err)
		return waitFor(fetchAgain)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	one := envd.File{Name: path.Base(to), Open: func() (io.ReadCloser, error) { return io.NopCloser(file), nil }}
	if err := t.envd.Upload(ctx, path.Dir(to), func(yield func(envd.File, error) bool) { yield(one, nil) }); err != nil {
		return fmt.Errorf("upload kept code: %w", err)
	}
	return nil
}
