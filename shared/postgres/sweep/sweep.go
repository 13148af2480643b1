// Package sweep owns what reconcile keeps between its runs: the table
// reconcile_progress, and the clock by which it reckons. It knows no job.
package sweep

import (
	"context"
	"fmt"
	"time"

	"siesta/shared/postgres"
)

// Store is the table reconcile_progress. Every method fails with
// job.ErrUnavailable when the database does not answer.
type Store struct{ db *postgres.DB }

// NewStore returns the table of a database.
func NewStore(db *postgres.DB) *Store { return &Store{db} }

// Now returns the database's clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	return postgres.One(ctx, s.db, nil, postgres.Scan[time.Time], `SELECT now()`, postgres.Args{})
}

// Position returns where a task of reconcile stopped; "" is its beginning.
func (s *Store) Position(ctx context.Context, task string) (string, error) {
	const sql = `SELECT position FROM reconcile_progress WHERE task = @task`
	return postgres.One(ctx, s.db, nil, postgres.Scan[string], sql, postgres.Args{"task": task})
}

// SavePosition notes where a task of reconcile stopped.
func (s *Store) SavePosition(ctx context.Context, task, position string) error {
	const sql = `INSERT INTO reconcile_progress (task, position) VALUES (@task, @position)
		ON CONFLICT (task) DO UPDATE SET position = excluded.position, updated_at = now()`
	if err := s.db.Exec(ctx, sql, postgres.Args{"task": task, "position": position}); err != nil {
		return fmt.Errorf("save position of %s: %w", task, err)
	}
	return nil
}
