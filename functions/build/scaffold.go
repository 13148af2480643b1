package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/s3"
)

const (
	// fetchTime after its claim a turn gives up on an archive: what is left of
	// it must do for the upload. A later turn has all of it to begin with.
	fetchTime = 50 * time.Second
	// fetchAgain is the wait after an archive that did not come.
	fetchAgain = 15 * time.Second
)

// scaffold puts the request's source into the workspace. Doing it twice gives
// the same files.
func (t *turn) scaffold(ctx context.Context) error {
	source, err := t.store.Source(ctx, t.j.ID)
	if err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	t.say(ctx, "--- Starting generation pipeline ---")
	if t.j.BaseJobID != "" && !t.j.Took() {
		if err := t.base(ctx); err != nil {
			return err
		}
	}
	if t.j.Took() && source.Archive == "" {
		if err := t.makeWay(ctx, maps.Keys(source.Files)); err != nil {
			return err
		}
	}
	var deleted []string
	for name, file := range source.Files {
		if file.Delete {
			deleted = append(deleted, name)
		}
	}
	// First, since a file may make way for a folder of its name.
	if err := t.envd.Remove(ctx, job.Workspace, deleted); err != nil {
		if errors.Is(err, e2b.ErrRefused) {
			return failed(err, "The files that the source deletes could not be deleted.")
		}
		return fmt.Errorf("delete files: %w", err)
	}
	if err := t.upload(ctx, source); err != nil {
		var invalid *job.InvalidError
		if errors.As(err, &invalid) {
			return failed(err, "The source could not be used: %s.", invalid)
		}
		if errors.Is(err, job.ErrUnavailable) { // the archive; nothing is in the sandbox yet
			t.log.WarnContext(ctx, "upload source", "error", err)
			return waitFor(fetchAgain)
		}
		if errors.Is(err, e2b.ErrRefused) {
			return failed(err, "The source could not be written: the sandbox has a folder where it has a file, or a file where it has a folder.")
		}
		return fmt.Errorf("upload source: %w", err)
	}
	return t.next(ctx, job.Code)
}

// upload sends the files of a source, in one request.
func (t *turn) upload(ctx context.Context, source job.Source) error {
	if source.Archive == "" {
		return t.envd.Upload(ctx, job.Workspace, filesOf(source.Files))
	}
	archive, err := t.fetch(ctx, source.Archive)
	if err != nil {
		return err
	}
	defer archive.Close()
	if t.j.Took() {
		if err := t.makeWay(ctx, namesOf(filesIn(archive))); err != nil {
			return err
		}
	}
	return t.envd.Upload(ctx, job.Workspace, filesIn(archive))
}

// fetch copies an archive to a file that is gone once it is closed: its names
// are checked before its contents are sent, so it is read twice.
func (t *turn) fetch(ctx context.Context, address string) (*os.File, error) {
	ctx, cancel := context.WithDeadline(ctx, t.claimed.Add(fetchTime))
	defer cancel()
	object, err := t.sources.Get(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("get archive: %w", err)
	}
	defer object.Close()
	return temporary(object)
}

// temporary copies content to a file that is gone once it is closed, and is read
// from its beginning.
func temporary(content io.Reader) (*os.File, error) {
	file, err := os.CreateTemp("", "source-*.tar.gz")
	if err != nil {
		return nil, fmt.Errorf("keep archive: %w", err)
	}
	_ = os.Remove(file.Name())
	_, err = io.Copy(file, content)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("keep archive: %w", err)
	}
	return file, nil
}

func filesOf(files map[string]job.File) iter.Seq2[envd.File, error] {
	return func(yield func(envd.File, error) bool) {
		for name, file := range files {
			open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file.Content)), nil }
			if !file.Delete && !yield(envd.File{Name: name, Open: open}, nil) {
				return
			}
		}
	}
}

// namesOf are those of files, as far as these can be read: the upload tells what
// cannot.
func namesOf(files iter.Seq2[envd.File, error]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for file, err := range files {
			if err != nil || !yield(file.Name) {
				return
			}
		}
	}
}

func filesIn(archive *os.File) iter.Seq2[envd.File, error] {
	return func(yield func(envd.File, error) bool) {
		if _, err := archive.Seek(0, io.SeekStart); err != nil {
			yield(envd.File{}, fmt.Errorf("read archive: %w", err))
			return
		}
		for entry, err := range s3.Untar(archive, s3.DefaultLimits) {
			open := func() (io.ReadCloser, error) { return io.NopCloser(entry), nil }
			if !yield(envd.File{Name: entry.Path, Open: open}, err) || err != nil {
				return
			}
		}
	}
}
