package jobs

import (
	"context"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// Request returns what a job is to build, without its source, which may be
// megabytes.
func (s *Store) Request(ctx context.Context, id string) (job.Request, error) {
	return s.request(ctx, `SELECT request - 'source' FROM jobs WHERE id = @id::uuid`, id)
}

// Source returns the code that a job is to build.
func (s *Store) Source(ctx context.Context, id string) (job.Source, error) {
	r, err := s.request(ctx, `SELECT request FROM jobs WHERE id = @id::uuid`, id)
	return r.Source, err
}

func (s *Store) request(ctx context.Context, sql, id string) (job.Request, error) {
	return postgres.One(ctx, s.db, job.ErrNotFound, postgres.Scan[job.Request], sql, postgres.Args{"id": id})
}
