// Package logs owns how a build's log is read in pages, and how it outlives the
// cache: as one object of a store, gzipped NDJSON. It knows neither cache nor store,
// but what it needs of them, and not whose job it reads: that is its caller's to
// check.
package logs

import (
	"context"
	"errors"
	"io"

	"siesta/shared/job"
)

// Live is where a log grows, and stays for a day after its last line: the cache.
type Live interface {
	// ReadLogs returns the lines of a range, the oldest first; some is false when
	// there are none at all.
	ReadLogs(ctx context.Context, id string, r job.LogRange) (lines []job.LogLine, some bool, err error)
}

// Archive is where the logs of finished jobs are.
type Archive interface {
	Get(ctx context.Context, key string) (io.ReadCloser, error) // job.ErrNotFound: there is none
	Put(ctx context.Context, key string, content io.ReadSeeker, size int64, hash [32]byte) error
}

// Reader reads logs.
type Reader struct {
	Live    Live
	Archive Archive // nil: there is none
}

// maxText bounds the text of a page, in bytes: written as JSON twice over, as the
// gateway's event has it, a page stays far below the 6 MB of Lambda.
const maxText = 512 << 10

// Page returns what q asks for of a job's log. Lines have the same ids wherever they
// are, so a cursor is good for both. A log that is kept nowhere any more has no
// lines. The errors are those of the cache and the archive.
func (r Reader) Page(ctx context.Context, j job.Job, q Query) (job.LogPage, error) {
	if q.nothing {
		return q.page(nil), nil
	}
	asked := job.LogRange{From: q.from.String(), To: q.to.String(), Limit: q.limit + 1, Newest: q.newest}
	lines, some, err := r.Live.ReadLogs(ctx, j.ID, asked)
	if (err != nil || !some) && j.Status.Terminal() && r.Archive != nil {
		kept, archiveErr := r.kept(ctx, j, q)
		switch {
		case archiveErr == nil:
			lines, err = kept, nil
		case !errors.Is(archiveErr, job.ErrNotFound):
			err = errors.Join(err, archiveErr)
		}
	}
	if err != nil {
		return job.LogPage{}, err
	}
	return q.page(lines), nil
}
