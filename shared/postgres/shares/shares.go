// Package shares owns the table shares: one row for each project that has share
// links, by whose number all of them end at once. It knows no token and no job.
package shares

import (
	"context"

	"github.com/jackc/pgx/v5"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// Store is the table shares. Every method fails with job.ErrUnavailable when the
// database does not answer.
type Store struct{ db *postgres.DB }

// NewStore returns the table of a database.
func NewStore(db *postgres.DB) *Store { return &Store{db} }

const columns = ` id::text, user_id, project_id::text, number `

func scan(row pgx.Row) (s job.Share, err error) {
	err = row.Scan(&s.ID, &s.UserID, &s.ProjectID, &s.Number)
	return s, err
}

// Make returns the share of a user's project, which is made where there is none.
func (s *Store) Make(ctx context.Context, user, project string) (job.Share, error) {
	const sql = `INSERT INTO shares AS s (user_id, project_id) VALUES (@user, @project::uuid)
		ON CONFLICT (user_id, project_id) DO UPDATE SET number = s.number RETURNING` + columns
	return postgres.One(ctx, s.db, nil, scan, sql, postgres.Args{"user": user, "project": project})
}

// End raises the number of a project's share. job.ErrNotFound: it has none, and so
// no link.
func (s *Store) End(ctx context.Context, user, project string) (job.Share, error) {
	const sql = `UPDATE shares SET number = number + 1, updated_at = now() WHERE user_id = @user AND project_id = @project::uuid RETURNING` + columns
	return postgres.One(ctx, s.db, job.ErrNotFound, scan, sql, postgres.Args{"user": user, "project": project})
}

// Get returns a share, or job.ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (job.Share, error) {
	const sql = `SELECT` + columns + `FROM shares WHERE id = @id::uuid`
	return postgres.One(ctx, s.db, job.ErrNotFound, scan, sql, postgres.Args{"id": id})
}
