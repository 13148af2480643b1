package jobs

import (
	"context"
	"encoding/json"
	"fmt"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// Request returns what a job is to build, without its source, which may be
// megabytes.
func (s *Store) Request(ctx context.Context, id string) (job.Request, error) {
	return s.request(ctx, `SELECT (request - 'source')::text FROM jobs WHERE id = $1::uuid`, id)
}

// Source returns the code that a job is to build.
func (s *Store) Source(ctx context.Context, id string) (job.Source, error) {
	r, err := s.request(ctx, `SELECT request::text FROM jobs WHERE id = $1::uuid`, id)
	return r.Source, err
}

func (s *Store) request(ctx context.Context, sql, id string) (job.Request, error) {
	text, err := postgres.One(ctx, s.db, job.ErrNotFound, postgres.Scan[string], sql, id)
	if err != nil {
		return job.Request{}, err
	}
	var r job.Request
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return job.Request{}, fmt.Errorf("decode request of job %s: %w", id, err)
	}
	return r, nil
}
