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

	"siesta/functions/build/inplace"
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
	// pullRate, in bytes a second, is how fast an archive comes here at the least,
	// beside the time of a look: whoever holds it back shares the sandbox with the app.
	pullRate = 5 << 20
	// keepTime is how long it may be on its way to the store.
	keepTime = 40 * time.Second
)

// keep keeps the code as it is before anything is installed: what a version is
// made of outlives its sandbox. A build does not fail for want of it, but waits for a
// store that does not answer: the log says that it is not kept, and why.
func (t *turn) keep(ctx context.Context) error {
	if t.kept == nil {
		t.progress.SourceKey = job.SourceNone
		return nil
	}
	command := fmt.Sprintf("out=%s most=%d\n%s", path.Join(t.dir(captureStep), captured), job.MaxKept, inplace.Folders+captureScript)
	p, err := t.finish(ctx, captureStep, command, "Keeping the code", "Keeping the code")
	switch {
	case err != nil:
		return err
	case p.Phase == envd.StepExited && p.ExitCode == 0:
		return t.putAway(ctx)
	case p.Phase == envd.StepExited && p.ExitCode == exitTooLarge:
		return t.tooLarge(ctx)
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

func (t *turn) tooLarge(ctx context.Context) error {
	return t.notKept(ctx, fmt.Sprintf("packed, it is over %d MB", job.MaxKept>>20))
}

// putAway puts the archive where it is kept; the row names it after that. A turn
// that comes later does it again, with the same bytes.
func (t *turn) putAway(ctx context.Context) error {
	archive, size, hash, err := t.pull(ctx, path.Join(t.dir(captureStep), captured))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return t.notKept(ctx, "it was removed before it could be stored")
	case err != nil:
		return fmt.Errorf("read packed code: %w", err)
	}
	defer archive.Close()
	if size > job.MaxKept {
		return t.tooLarge(ctx)
	}
	key := job.SourceKey(t.j.UserID, t.j.ProjectID, t.j.ID, hash)
	putting, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	err = t.kept.Put(putting, key, archive, size, hash)
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

// pull copies a file of the sandbox to one here, which is gone once it is closed,
// and tells its size and its SHA-256. Of one that is too large it copies a byte too
// many.
func (t *turn) pull(ctx context.Context, name string) (file *os.File, size int64, hash [sha256.Size]byte, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began, sum := time.Now(), sha256.New()
	late := time.AfterFunc(lookTime, cancel)
	defer late.Stop()
	content, err := t.envd.Download(ctx, name)
	if err == nil {
		defer content.Close()
		file, err = temporary(io.TeeReader(io.LimitReader(content, job.MaxKept+1), writerFunc(func(p []byte) (int, error) {
			size += int64(len(p))
			late.Reset(lookTime + time.Duration(size)*time.Second/pullRate - time.Since(began))
			return sum.Write(p)
		})))
	}
	if slipped(err) {
		t.polled += max(time.Since(began), lookTime)
		err = t.putOff(context.WithoutCancel(ctx), err, t.wait())
	}
	return file, size, [sha256.Size]byte(sum.Sum(nil)), err
}

// writerFunc is told of what is read.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
