package jobs

import (
	"maps"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// The fragments that the statements are made of are all in this file. Where one
// needs arguments, it says which.

// columns is what scanJob reads, in its order. The request is not among them: it
// may be megabytes, and only two steps of a build need it.
const columns = columnsBefore + `env_sealed` + columnsAfter

// listed begins a query for many jobs. None needs the sealed values, which may
// be large.
const listed = `SELECT ` + columnsBefore + `NULL::bytea` + columnsAfter + ` FROM jobs `

const (
	columnsBefore = `id, project_id, user_id, tier, status, goal, `
	columnsAfter  = `, plan, source_key, base_job_id::text, taken_from::text, moved_to::text, kept_hash, rebuild, current_at, gone_at, deleted_at, failing, failing_at,
	build_version, sandbox_id, sandbox_stack, preview_url, workspace_path,
	sandbox_state, sandbox_paused, sandbox_expires_at, paused_at, pause_error, error_message, debug_id,
	enqueued_at, started_at, completed_at, created_at, updated_at, deadline_at, schedule_for,
	turn, claim, lease_until, crashes, create_no, create_sent_at, step_started_at, polled_ms, log_offset,
	epoch, marker_epoch, op_until, op_shared, waiter_until, pause_due_at, missing_since, revision, now()`
)

// changed is part of every UPDATE of what a job is. When it was last asked for
// is no part of that.
const changed = ` revision = revision + 1, updated_at = now() `

// returning ends each of those.
const returning = ` RETURNING ` + columns

// ours: the caller may touch the job's sandbox, or it has none. Needs @stack.
const ours = ` sandbox_stack IN ('', @stack) `

// The fences: who may write. Each has a function below that makes its arguments
// of the row that the writer has; inlined, they would be most of the code of each
// statement.
const (
	// mine is the builder's: every write of a turn has it. Who builds and who gives
	// back are not the same.
	mine = ` WHERE id = @id::uuid AND claim = @claim AND status = @status AND (failing_at IS NOT NULL) = @failing `

	// owned is that of whoever took a pause: its epoch and its very op_until.
	owned = ` WHERE id = @id::uuid AND epoch = @epoch AND sandbox_state = 'pausing' AND op_until = @op_until::timestamptz `

	// resuming is that of every write of a resume.
	resuming = ` WHERE id = @id::uuid AND epoch = @epoch AND sandbox_state = 'resuming' `

	// asRead is reconcile's. Every write raises the revision, so the row still
	// has the epoch, the claim and the states that were read.
	asRead = ` WHERE id = @id::uuid AND revision = @revision `
)

//go:noinline
func builder(j job.Job) postgres.Args {
	return postgres.Args{"id": j.ID, "claim": j.Claim, "status": j.Status, "failing": !j.FailingAt.IsZero()}
}

//go:noinline
func pauser(j job.Job) postgres.Args {
	return postgres.Args{"id": j.ID, "epoch": j.Epoch, "op_until": j.OpUntil}
}

//go:noinline
func resumer(j job.Job) postgres.Args {
	return postgres.Args{"id": j.ID, "epoch": j.Epoch}
}

//go:noinline
func reader(j job.Job) postgres.Args {
	return postgres.Args{"id": j.ID, "revision": j.Revision}
}

// with adds a statement's own arguments to those of its fence.
func with(fence, own postgres.Args) postgres.Args {
	maps.Copy(fence, own)
	return fence
}

// waiting makes the writer the one that waits for a wake, with a call of its own
// under way. Needs @waiter_time.
const waiting = ` waiter_until = now() + @waiter_time::interval, settled_epoch = NULL, `

// unowned: no call to E2B about a finished job's sandbox is under way.
const unowned = ` AND status IN ('ready', 'failed') AND sandbox_state NOT IN ('none', 'gone', 'moved')
		AND (op_until IS NULL OR op_until < now()) `

// ended is what the end of a build writes, whoever brings it about. The time of
// a job that never began is 0.
const ended = ` lease_until = NULL, missing_since = NULL, completed_at = now(),
			duration_seconds = extract(epoch FROM now() - coalesce(started_at, now()))::int, `

// failed ends a build without a preview, whoever brings it about. Nobody starts
// a command of it again: the secrets of its environment go. Needs @message and
// @debug_id.
const failed = ` status = 'failed', error_message = @message, debug_id = @debug_id, env_sealed = NULL, ` + ended

// stillMissing notes a 404 that answered a recorded call: it changed nothing at
// E2B, so what was known before the call's record is still known.
const stillMissing = ` missing_since = coalesce(CASE WHEN missing_revision = revision - 1 THEN missing_since END, now()),
			missing_revision = revision + 1, `

// unasked leaves out the rows for which a message was sent since a moment, until
// as much time has passed again, or the silence: one that waits in a long queue,
// or for a function that is down, gets no new one every minute. A message from
// before that moment leaves no row out. Needs @silence.
func unasked(since string) string {
	return ` (asked_at IS NULL OR now() - asked_at >= least(asked_at - ` + since + `, @silence::interval)) `
}
