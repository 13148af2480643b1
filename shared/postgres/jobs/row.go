package jobs

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"siesta/shared/job"
)

// scanJob reads columns.
func scanJob(row pgx.Row) (j job.Job, err error) {
	err = row.Scan(
		&j.ID, &j.ProjectID, &j.UserID, &j.Tier, &j.Status, &j.Goal, &j.EnvSealed, &j.Plan, text(&j.SourceKey), text(&j.BaseJobID), text(&j.TakenFrom), text(&j.MovedTo), text(&j.KeptHash), &j.Rebuild, moment(&j.CurrentAt), moment(&j.GoneAt), moment(&j.DeletedAt), text(&j.Failing), moment(&j.FailingAt),
		text(&j.BuildVersion), text(&j.SandboxID), &j.SandboxStack, text(&j.PreviewURL), text(&j.WorkspacePath),
		&j.SandboxState, &j.SandboxPaused, moment(&j.SandboxExpiresAt), moment(&j.PausedAt), text(&j.PauseError), text(&j.ErrorMessage), text(&j.DebugID),
		&j.EnqueuedAt, moment(&j.StartedAt), moment(&j.CompletedAt), &j.CreatedAt, &j.UpdatedAt, &j.DeadlineAt, moment(&j.ScheduleFor),
		&j.Turn, &j.Claim, moment(&j.LeaseUntil), &j.Crashes, &j.CreateNo, moment(&j.CreateSentAt), moment(&j.StepStartedAt), &j.PolledMS, &j.LogOffset,
		&j.Epoch, &j.MarkerEpoch, moment(&j.OpUntil), &j.OpShared, moment(&j.WaiterUntil), moment(&j.PauseDueAt), moment(&j.MissingSince), &j.Revision, &j.ReadAt,
	)
	return j, err
}

// text and moment take NULL for "" and for the zero time.
func text(s *string) *zeronull.Text             { return (*zeronull.Text)(s) }
func moment(t *time.Time) *zeronull.Timestamptz { return (*zeronull.Timestamptz)(t) }
