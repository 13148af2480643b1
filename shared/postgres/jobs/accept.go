package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// NewJob is a validated request on its way into the table.
type NewJob struct {
	ID             string
	UserID         string
	Tier           job.Tier
	Request        job.Request // its Env is not stored
	EnvSealed      []byte
	IdempotencyKey string // "" for none
	RequestHash    []byte // of the body as it was sent
	Deadline       time.Duration
	BaseJobID      string // the version that it starts from; "" for none
	Rebuild        bool   // it is that version built again, as it was
	PerDay         int    // jobs of this user in a UTC day; 0: no limit
	Waiting        int    // jobs of this user that have not begun; 0: no limit
}

// Accept inserts a job as queued, or as scheduled for the first UTC day on which
// its user is not over the daily limit, and returns it with true. A job that is
// there already, by its id or its idempotency key, is returned with false, and
// published like a new one: whoever inserted it may have died before it was. So
// is a rebuild that another call has asked for and that is not finished.
// Errors: a *job.MovedError (another iteration is under way of the version that it
// would take the sandbox of), job.ErrForeign (the id is another user's), job.ErrIdempotencyKey (the
// key came with another body), job.ErrTooManyWaiting.
func (s *Store) Accept(ctx context.Context, n NewJob) (accepted job.Job, created bool, err error) {
	err = s.db.Alone(ctx, n.UserID, func(ctx context.Context, tx pgx.Tx) error {
		var found bool
		if accepted, found, err = existing(ctx, tx, n); found || err != nil {
			return err
		}
		if err = mayWait(ctx, tx, n); err != nil {
			return err
		}
		if err = mayTake(ctx, tx, n); err != nil {
			return err
		}
		created = true
		accepted, err = insert(ctx, tx, n)
		return err
	})
	if postgres.Violates(err, "jobs_pkey") { // another user took the id in this very moment
		err = job.ErrForeign
	}
	if err != nil {
		return job.Job{}, false, err
	}
	s.publish(ctx, accepted)
	return accepted, created, nil
}

// Known returns the job that n is already, as Accept does, if it is there: what n asks
// for may have become impossible by that.
func (s *Store) Known(ctx context.Context, n NewJob) (known job.Job, found bool, err error) {
	err = s.db.Together(ctx, func(ctx context.Context, tx pgx.Tx) error {
		known, found, err = existing(ctx, tx, n)
		return err
	})
	if err != nil || !found {
		return job.Job{}, false, err
	}
	s.publish(ctx, known)
	return known, true, nil
}

// existing looks for the same job under its id or its idempotency key, or for the
// rebuild that is under way.
func existing(ctx context.Context, tx pgx.Tx, n NewJob) (job.Job, bool, error) {
	const sql = `SELECT ` + columns + ` FROM jobs
		WHERE id = @id::uuid OR (user_id = @user AND idempotency_key = nullif(@key, ''))`
	const rebuild = `SELECT ` + columns + ` FROM jobs
		WHERE user_id = @user AND project_id = @project::uuid AND base_job_id = @base::uuid AND rebuild AND status NOT IN ('ready', 'failed')
		LIMIT 1`
	if n.Rebuild {
		j, err := scanJob(tx.QueryRow(ctx, rebuild, postgres.Args{"user": n.UserID, "project": n.Request.ProjectID, "base": n.BaseJobID}))
		if !errors.Is(err, pgx.ErrNoRows) {
			return j, err == nil, err
		}
	}
	j, err := scanJob(tx.QueryRow(ctx, sql, postgres.Args{"id": n.ID, "user": n.UserID, "key": n.IdempotencyKey}))
	switch {
	case err != nil:
		return job.Job{}, false, postgres.WhenNone(err, nil)
	case j.UserID != n.UserID:
		return job.Job{}, false, job.ErrForeign
	case n.IdempotencyKey == "":
		return j, true, nil
	}
	var hash []byte
	const hashed = `SELECT request_hash FROM jobs WHERE id = @id::uuid`
	if err := tx.QueryRow(ctx, hashed, postgres.Args{"id": j.ID}).Scan(&hash); err != nil {
		return job.Job{}, false, err
	}
	if !bytes.Equal(hash, n.RequestHash) {
		return job.Job{}, false, job.ErrIdempotencyKey
	}
	return j, true, nil
}

// mayWait is job.ErrTooManyWaiting if as many jobs of the user wait as may.
func mayWait(ctx context.Context, tx pgx.Tx, n NewJob) error {
	if n.Waiting == 0 {
		return nil
	}
	// Word for word the condition of the index jobs_waiting.
	const sql = `SELECT count(*) < @most::int FROM jobs WHERE user_id = @user AND status IN ('queued', 'scheduled') AND started_at IS NULL`
	var room bool
	if err := tx.QueryRow(ctx, sql, postgres.Args{"user": n.UserID, "most": n.Waiting}).Scan(&room); err != nil {
		return err
	}
	if !room {
		return job.ErrTooManyWaiting
	}
	return nil
}

// mayTake is a *job.MovedError if another job is about to take the sandbox that n
// would. What holds is the take: this tells who would lose there.
func mayTake(ctx context.Context, tx pgx.Tx, n NewJob) error {
	if n.BaseJobID == "" || n.Rebuild || n.Request.KeepPrevious {
		return nil
	}
	const sql = `SELECT ` + columns + ` FROM jobs
		WHERE user_id = @user AND status NOT IN ('ready', 'failed', 'scheduled') AND base_job_id = @base::uuid AND NOT rebuild
		AND NOT coalesce((request->>'keep_previous')::boolean, false) LIMIT 1`
	j, err := scanJob(tx.QueryRow(ctx, sql, postgres.Args{"user": n.UserID, "base": n.BaseJobID}))
	if err == nil {
		return job.MovedTo(j)
	}
	return postgres.WhenNone(err, nil)
}

func insert(ctx context.Context, tx pgx.Tx, n NewJob) (job.Job, error) {
	n.Request.Env = nil
	request, err := json.Marshal(n.Request)
	if err != nil {
		return job.Job{}, fmt.Errorf("encode request: %w", err)
	}
	const sql = `
		WITH today AS (
			SELECT date_trunc('day', now(), 'UTC') AS midnight
		), taken AS ( -- each job counts on the day that it runs; one that ended before it began, on none
			SELECT floor(extract(epoch FROM coalesce(schedule_for, created_at) - midnight) / 86400)::int AS day, count(*) AS n FROM jobs, today
			WHERE user_id = @user AND coalesce(schedule_for, created_at) >= midnight AND NOT (status = 'failed' AND started_at IS NULL)
			GROUP BY 1
		), free AS ( -- the first day with room: as many as there are taken cannot all be full
			SELECT min(day) AS day FROM generate_series(0, (SELECT count(*)::int FROM taken)) AS day
			LEFT JOIN taken USING (day) WHERE @per_day::int = 0 OR coalesce(n, 0) < @per_day::int
		), version AS (
			SELECT coalesce(max(substring(build_version FROM '^build_v0_([0-9]{1,9})$')::int), 0) + 1 AS n FROM jobs
			WHERE user_id = @user AND project_id = @project::uuid
		)
		INSERT INTO jobs (id, user_id, project_id, tier, goal, request, env_sealed, deadline_at, lease_until,
			base_job_id, rebuild, build_version, workspace_path, idempotency_key, request_hash, status, schedule_for)
		SELECT @id::uuid, @user, @project::uuid, @tier, @goal, @request::jsonb, @env::bytea, now() + @deadline::interval, now(),
			nullif(@base, '')::uuid, @rebuild, 'build_v0_' || version.n, @workspace, nullif(@key, ''), @hash::bytea,
			CASE WHEN free.day > 0 THEN 'scheduled' ELSE 'queued' END,
			CASE WHEN free.day > 0 THEN today.midnight + make_interval(hours => 24 * free.day) END
		FROM today, free, version` + returning
	return scanJob(tx.QueryRow(ctx, sql, postgres.Args{
		"id": n.ID, "user": n.UserID, "project": n.Request.ProjectID, "tier": n.Tier,
		"base": n.BaseJobID, "rebuild": n.Rebuild, "goal": n.Request.Goal, "request": string(request), "env": n.EnvSealed, "workspace": job.Workspace,
		"deadline": n.Deadline, "per_day": n.PerDay, "key": n.IdempotencyKey, "hash": n.RequestHash,
	}))
}
