package main

import (
	"context"
	"crypto/sha256"
	_ "embed" // the script
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/s3"
)

// captureScript packs the code.
//
//go:embed capture.sh
var captureScript string

// How captureScript ends when it has packed nothing.
const (
	exitTooLarge = 3
	exitNoTar    = 4
)

const (
	captureStep = "capture"
	captured    = "code.tar.gz" // in the step's folder
	// pullTime and keepTime are how long the archive may be on its way here, and
	// from here to the store.
	pullTime = 20 * time.Second
	keepTime = 40 * time.Second
)

// keep keeps the code as it is before anything is installed: what a version is
// made of outlives its sandbox. A build does not fail for want of it: the log says
// that it is not kept, and why.
func (t *turn) keep(ctx context.Context) error {
	if t.kept == nil {
		t.progress.SourceKey = job.SourceNone
		return nil
	}
	command := fmt.Sprintf("out=%s most=%d\n%s", path.Join(t.dir(captureStep), captured), job.MaxKept, captureScript)
	p, err := t.finish(ctx, captureStep, command, "Keeping the code", "Keeping the code")
	switch {
	case err != nil:
		return err
	case p.Phase == envd.StepExited && p.ExitCode == 0:
		return t.putAway(ctx)
	case p.Phase == envd.StepExited && p.ExitCode == exitTooLarge:
		return t.notKept(ctx, fmt.Sprintf("packed, it is over %d MB", job.MaxKept>>20))
	case p.Phase == envd.StepExited && p.ExitCode == exitNoTar:
		return t.notKept(ctx, "the template has no GNU tar")
	default:
		return t.notKept(ctx, "it could not be packed")
	}
}

// notKept goes on without.
func (t *turn) notKept(ctx context.Context, reason string) error {
	t.progress.SourceKey = job.SourceNone
	t.say(ctx, "The code is not kept, so this version cannot be built again without being sent again: "+reason+".")
	return nil
}

// putAway puts the archive where it is kept; the row names it after that. A turn
// that comes later does it again, with the same bytes.
func (t *turn) putAway(ctx context.Context) error {
	archive, err := t.pull(ctx, path.Join(t.dir(captureStep), captured))
	if errors.Is(err, fs.ErrNotExist) {
		return t.notKept(ctx, "it was removed before it could be stored")
	}
	if err != nil {
		return fmt.Errorf("read packed code: %w", err)
	}
	defer archive.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, archive)
	if err == nil {
		_, err = archive.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("read packed code: %w", err)
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	key := job.SourceKey(t.j.UserID, t.j.ProjectID, t.j.ID, sum)
	putting, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	err = t.kept.Put(putting, key, archive, size, sum)
	switch {
	case errors.Is(err, s3.ErrStore): // its operator must see to it; builds go on
		t.log.ErrorContext(ctx, "code is not kept", "error", err)
		return t.notKept(ctx, "this service could not store it")
	case err != nil:
		t.log.WarnContext(ctx, "keep code", "error", err)
		return waitFor(fetchAgain)
	}
	t.progress.SourceKey = key
	return nil
}

// pull copies a file of the sandbox to one here, which is gone once it is closed.
func (t *turn) pull(ctx context.Context, name string) (*os.File, error) {
	pulling, cancel := context.WithTimeout(ctx, pullTime)
	defer cancel()
	began := time.Now()
	content, err := t.envd.Download(pulling, name)
	if err == nil {
		defer content.Close()
		var file *os.File
		if file, err = temporary(io.LimitReader(content, job.MaxKept)); err == nil {
			return file, nil
		}
	}
	if slipped(err) { // whoever holds it back shares the sandbox with the app
		t.polled += max(time.Since(began), lookTime)
		return nil, t.putOff(ctx, err, t.wait())
	}
	return nil, err
}
