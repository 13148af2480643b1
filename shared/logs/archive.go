package logs

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"siesta/shared/job"
)

// readAtOnce lines are read from the cache in one call.
const readAtOnce = 500

// Keep writes a job's whole log to the archive, over an earlier one. A log without
// lines is not kept. It may be repeated; its memory is that of readAtOnce lines. The
// errors are those of the cache and the archive.
func Keep(ctx context.Context, live Live, archive Archive, j job.Job) error {
	file, err := os.CreateTemp("", "log-*.ndjson.gz")
	if err != nil {
		return fmt.Errorf("keep log: %w", err)
	}
	defer file.Close()
	_ = os.Remove(file.Name())
	hash := sha256.New()
	lines, err := write(ctx, io.MultiWriter(file, hash), live, j.ID)
	if err != nil || lines == 0 {
		return err
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("keep log: %w", err)
	}
	return archive.Put(ctx, job.LogKey(j.UserID, j.ID), file, size, [sha256.Size]byte(hash.Sum(nil)))
}

// write writes the lines of a log, and tells how many there are.
func write(ctx context.Context, w io.Writer, live Live, jobID string) (lines int, err error) {
	zipped, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	buffered := bufio.NewWriter(zipped)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	r := job.LogRange{From: id{}.String(), To: last.String(), Limit: readAtOnce}
	for {
		part, _, err := live.ReadLogs(ctx, jobID, r)
		if err != nil {
			return lines, err
		}
		for _, line := range part {
			err = errors.Join(err, encoder.Encode(line))
		}
		lines += len(part)
		if err != nil {
			return lines, fmt.Errorf("keep log: %w", err)
		}
		if len(part) < readAtOnce {
			break
		}
		at, ok := parseID(part[len(part)-1].ID)
		if !ok {
			return lines, fmt.Errorf("keep log: the cache numbers a line %q", part[len(part)-1].ID)
		}
		r.From = at.plus().String()
	}
	if err := errors.Join(buffered.Flush(), zipped.Close()); err != nil {
		return lines, fmt.Errorf("keep log: %w", err)
	}
	return lines, nil
}

// kept reads the lines of q, and one more, from the archive, line by line: it holds
// no others in memory.
func (r Reader) kept(ctx context.Context, j job.Job, q Query) ([]job.LogLine, error) {
	object, err := r.Archive.Get(ctx, job.LogKey(j.UserID, j.ID))
	if err != nil {
		return nil, err
	}
	defer object.Close()
	unzipped, err := gzip.NewReader(object)
	if err != nil {
		return nil, fmt.Errorf("read archived log: %w", err)
	}
	var lines []job.LogLine
	for d := json.NewDecoder(unzipped); ; {
		var line job.LogLine
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return lines, nil
		} else if err != nil {
			return nil, fmt.Errorf("read archived log: %w", err)
		}
		at, ok := parseID(line.ID)
		switch {
		case !ok:
			return nil, fmt.Errorf("read archived log: a line is numbered %q", line.ID)
		case at.compare(q.from) < 0:
			continue
		case at.compare(q.to) > 0:
			return lines, nil
		}
		lines = append(lines, line)
		switch full := len(lines) > q.limit; {
		case full && !q.newest:
			return lines, nil
		case full && len(lines) > 2*q.limit: // the newest, and one more, go on
			lines = append(lines[:0], lines[len(lines)-q.limit-1:]...)
		}
	}
}
