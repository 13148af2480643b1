package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// Grants is what a wake of j counts as: how many are begun by it, and the time that it
// adds. One that is under way already, or prolongs, begins none anew.
func (w Wake) Grants(j job.Job) (begun int, added time.Duration) {
	if j.SandboxState == job.SandboxRunning || j.SandboxState == job.SandboxResuming {
		return 0, min(max(0, w.Time-j.PauseDueAt.Sub(j.ReadAt)), w.Time)
	}
	return 1, w.Time
}

// charge counts a wake of j, and the time that it grants, against the limits of
// its user, under whose lock it must run. A *job.LimitError: there is no room.
func charge(ctx context.Context, tx pgx.Tx, j job.Job, w Wake) error {
	if w.Limits.WakesPerHour == 0 && w.Limits.AwakeSecondsPerDay == 0 {
		return nil
	}
	begun, granted := w.Grants(j)
	const sql = `
		INSERT INTO wakes AS w (user_id, hour, begun, day, awake_seconds) VALUES (@user, now(), @begun, now(), @granted)
		ON CONFLICT (user_id) DO UPDATE SET
			hour = CASE WHEN w.hour > now() - interval '1 hour' THEN w.hour ELSE now() END,
			begun = CASE WHEN w.hour > now() - interval '1 hour' THEN w.begun ELSE 0 END + excluded.begun,
			day = CASE WHEN w.day > now() - interval '1 day' THEN w.day ELSE now() END,
			awake_seconds = CASE WHEN w.day > now() - interval '1 day' THEN w.awake_seconds ELSE 0 END + excluded.awake_seconds
		RETURNING begun, awake_seconds, hour + interval '1 hour' - now(), day + interval '1 day' - now()`
	var (
		wakes, seconds int
		hour, day      time.Duration // until they end
	)
	counted := tx.QueryRow(ctx, sql, postgres.Args{"user": j.UserID, "begun": begun, "granted": int(granted.Seconds())})
	if err := counted.Scan(&wakes, &seconds, &hour, &day); err != nil {
		return err
	}
	if most := w.Limits.WakesPerHour; most > 0 && wakes > most && begun > 0 {
		return &job.LimitError{Reason: fmt.Sprintf("Your limit of previews woken in an hour is reached: %d", most), RetryAfter: hour}
	}
	if most := w.Limits.AwakeSecondsPerDay; most > 0 && seconds > most {
		return &job.LimitError{Reason: fmt.Sprintf("Your limit of the time that previews are kept awake in a day is reached: %s", time.Duration(most)*time.Second), RetryAfter: day}
	}
	return nil
}
