// Package jobs owns the jobs table: every SQL statement about it. Each
// transition is one function and one UPDATE with its guard in the WHERE; the rows
// affected decide. Each raises the revision, returns the row and publishes it;
// reconcile's own note, RecordAsked, does none of these. The clock is the
// database's. It knows nothing of E2B, queues or the cache.
package jobs

import (
	"context"
	"errors"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// Store is the jobs table. Its methods may be called from many goroutines.
// Beside what each names, every method fails with job.ErrUnavailable when the
// database does not answer.
type Store struct {
	db      *postgres.DB
	stack   string
	publish func(context.Context, job.Job)
}

// NewStore returns the jobs of a database. stack is whose sandboxes the caller
// may touch: a copy of a database names another stack's. publish is called with
// every row that a write returned, before the write returns; nil: nobody is told.
//
// Five writes publish nothing: ClaimTurn, which concerns builders alone; TakePause
// and Ready, whose callers publish the row while they make the call or send the
// message that follows; TakeResume and JoinResume, whose caller must know whether
// the cache was told.
func NewStore(db *postgres.DB, stack string, publish func(context.Context, job.Job)) *Store {
	if publish == nil {
		publish = func(context.Context, job.Job) {}
	}
	return &Store{db, stack, publish}
}

// Ours reports whether a job's sandbox is one that the caller may touch. For any
// other, every Take and every claim is job.ErrConflict.
func (s *Store) Ours(j job.Job) bool { return j.SandboxStack == "" || j.SandboxStack == s.stack }

// get runs a statement that returns at most one job.
func (s *Store) get(ctx context.Context, none error, sql string, args postgres.Args) (job.Job, error) {
	return postgres.One(ctx, s.db, none, scanJob, sql, args)
}

// list runs a query that returns jobs.
func (s *Store) list(ctx context.Context, sql string, args postgres.Args) ([]job.Job, error) {
	return postgres.Many(ctx, s.db, scanJob, sql, args)
}

// unpublished runs an UPDATE that returns its row: no row means that somebody
// was faster.
func (s *Store) unpublished(ctx context.Context, sql string, args postgres.Args) (job.Job, error) {
	return s.get(ctx, job.ErrConflict, sql, args)
}

// write is unpublished, and publishes the row. It has the caller's time for that:
// a statement's own is over.
func (s *Store) write(ctx context.Context, sql string, args postgres.Args) (j job.Job, err error) {
	if j, err = s.unpublished(ctx, sql, args); err == nil {
		s.publish(ctx, j)
	}
	return j, err
}

// Get returns a job, or job.ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (job.Job, error) {
	const sql = `SELECT ` + columns + ` FROM jobs WHERE id = @id::uuid`
	return s.read(ctx, sql, postgres.Args{"id": id})
}

// Reach returns nil when jobs can be read.
func (s *Store) Reach(ctx context.Context) error {
	return s.db.Exec(ctx, `SELECT FROM jobs LIMIT 1`, postgres.Args{})
}

// read is get for who waits for the answer; job.ErrNotFound: there is no such job.
// The connection may have died with an earlier server: a read may be made again.
func (s *Store) read(ctx context.Context, sql string, args postgres.Args) (j job.Job, err error) {
	for range 2 {
		j, err = s.get(ctx, job.ErrNotFound, sql, args)
		if !errors.Is(err, job.ErrUnavailable) || ctx.Err() != nil {
			break
		}
	}
	return j, err
}

// WhereTo is what to say of a job whose sandbox has moved: a *job.MovedError.
func (s *Store) WhereTo(ctx context.Context, j job.Job) error {
	to, err := s.Get(ctx, j.MovedTo)
	if err != nil {
		return err
	}
	return job.MovedTo(to)
}

// GetOwned returns a job of that user, or job.ErrNotFound, or job.ErrForeign.
func (s *Store) GetOwned(ctx context.Context, id, user string) (job.Job, error) {
	j, err := s.Get(ctx, id)
	if err == nil {
		err = j.CheckOwner(user)
	}
	if err != nil {
		return job.Job{}, err
	}
	return j, nil
}
