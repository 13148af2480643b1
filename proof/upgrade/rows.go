package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"siesta/proof/promises"
	"siesta/shared/job"
	"siesta/shared/postgres"
)

// row is what there is of a job, whatever version the database is at.
type row struct {
	ID               string
	Status           job.Status
	UserID           string           `json:"user_id"`
	SandboxState     job.SandboxState `json:"sandbox_state"`
	SandboxID        string           `json:"sandbox_id"`
	SandboxPaused    bool             `json:"sandbox_paused"`
	ErrorMessage     string           `json:"error_message"`
	BuildVersion     string           `json:"build_version"`
	BaseJobID        string           `json:"base_job_id"`
	TakenFrom        string           `json:"taken_from"`
	MovedTo          string           `json:"moved_to"`
	KeptHash         string           `json:"kept_hash"`
	Failing          string           `json:"failing"`
	DeletedAt        time.Time        `json:"deleted_at"`
	PauseDueAt       time.Time        `json:"pause_due_at"`
	OpUntil          time.Time        `json:"op_until"`
	PausedAt         time.Time        `json:"paused_at"`
	CompletedAt      time.Time        `json:"completed_at"`
	SandboxExpiresAt time.Time        `json:"sandbox_expires_at"`
	ReadAt           time.Time        `json:"read_at"`
}

func (r row) unfinished() bool { return !r.Status.Terminal() }

// taking reports whether an iteration works in the sandbox that it took.
func (r row) taking() bool { return r.unfinished() && r.TakenFrom != "" }

// has reports whether a row claims a sandbox.
func (r row) has() bool {
	switch r.SandboxState {
	case job.SandboxNone, job.SandboxGone, job.SandboxMoved:
		return false
	default:
		return true
	}
}

// rows are all there are, by id.
func (s *system) rows(ctx context.Context) (map[string]row, error) {
	const sql = `SELECT coalesce(json_agg(to_jsonb(jobs) - 'request' - 'plan' - 'env_sealed' || jsonb_build_object('read_at', now())), '[]')::text FROM jobs`
	text, err := postgres.One(ctx, s.db, nil, postgres.Scan[string], sql, nil)
	if err != nil {
		return nil, fmt.Errorf("read the rows: %w", err)
	}
	var all []row
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("read the rows: %w", err)
	}
	byID := map[string]row{}
	for _, r := range all {
		byID[r.ID] = r
	}
	return byID, nil
}

// view is what package promises judges, but for the cache.
func (s *system) view(rows map[string]row) promises.View {
	v := promises.View{Now: s.E2B.Now(), Sandboxes: s.E2B.Sandboxes()}
	for _, r := range rows {
		v.Jobs = append(v.Jobs, job.Job{
			ID: r.ID, Status: r.Status, SandboxState: r.SandboxState, SandboxID: r.SandboxID, SandboxPaused: r.SandboxPaused,
			TakenFrom: r.TakenFrom, MovedTo: r.MovedTo, DeletedAt: r.DeletedAt, PauseDueAt: r.PauseDueAt, OpUntil: r.OpUntil,
			PausedAt: r.PausedAt, CompletedAt: r.CompletedAt, SandboxExpiresAt: r.SandboxExpiresAt, ReadAt: r.ReadAt,
		})
	}
	return v
}
