package jobs

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siesta/shared/job"
)

// columns is what scanJob reads, in its order. The request is not among them:
// it may be megabytes, and only two steps of a build need it.
const columns = columnsBefore + `env_sealed` + columnsAfter

// listed begins a query for many jobs. None needs the sealed values, which may
// be large. A list that is ordered by id must say jobs.id: id alone is the
// column as it is returned, a text, for which there is no index.
const listed = `SELECT ` + columnsBefore + `NULL::bytea` + columnsAfter + ` FROM jobs `

const (
	columnsBefore = `id::text, project_id::text, user_id, tier, status, goal, `
	columnsAfter  = `, plan::text,
	build_version, sandbox_id, sandbox_stack, preview_url, workspace_path,
	sandbox_state, sandbox_paused, sandbox_expires_at, paused_at, pause_error, error_message, debug_id,
	enqueued_at, started_at, completed_at, created_at, updated_at, deadline_at, schedule_for,
	turn, claim, lease_until, crashes, create_no, create_sent_at, step_started_at, polled_ms, log_offset,
	epoch, marker_epoch, op_until, op_shared, pause_due_at, missing_since, revision, now()`
)

// changed is part of every UPDATE of what a job is. When it was last asked for
// is no part of that.
const changed = ` revision = revision + 1, updated_at = now() `

// returning ends each of those.
const returning = ` RETURNING ` + columns

func scanJob(row pgx.Row) (job.Job, error) {
	var j job.Job
	var plan string
	err := row.Scan(
		&j.ID, &j.ProjectID, &j.UserID, &j.Tier, &j.Status, &j.Goal, &j.EnvSealed, &plan,
		text{&j.BuildVersion}, text{&j.SandboxID}, &j.SandboxStack, text{&j.PreviewURL}, text{&j.WorkspacePath},
		&j.SandboxState, &j.SandboxPaused, moment{&j.SandboxExpiresAt}, moment{&j.PausedAt}, text{&j.PauseError}, text{&j.ErrorMessage}, text{&j.DebugID},
		&j.EnqueuedAt, moment{&j.StartedAt}, moment{&j.CompletedAt}, &j.CreatedAt, &j.UpdatedAt, &j.DeadlineAt, moment{&j.ScheduleFor},
		&j.Turn, &j.Claim, moment{&j.LeaseUntil}, &j.Crashes, &j.CreateNo, moment{&j.CreateSentAt}, moment{&j.StepStartedAt}, &j.PolledMS, &j.LogOffset,
		&j.Epoch, &j.MarkerEpoch, moment{&j.OpUntil}, &j.OpShared, moment{&j.PauseDueAt}, moment{&j.MissingSince}, &j.Revision, &j.ReadAt,
	)
	if err != nil {
		return job.Job{}, err
	}
	if err := json.Unmarshal([]byte(plan), &j.Plan); err != nil {
		return job.Job{}, fmt.Errorf("decode plan of job %s: %w", j.ID, err)
	}
	return j, nil
}

// text scans NULL as "".
type text struct{ to *string }

func (t text) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t.to = ""
	case string:
		*t.to = v
	default:
		return fmt.Errorf("scan text from %T", src)
	}
	return nil
}

// moment scans NULL as the zero time.
type moment struct{ to *time.Time }

func (m moment) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*m.to = time.Time{}
	case time.Time:
		*m.to = v
	default:
		return fmt.Errorf("scan time from %T", src)
	}
	return nil
}
