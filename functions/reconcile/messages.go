package main

import (
	"context"
	"errors"
	"fmt"

	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/sqs"
)

// maxRows bounds what one rule takes up in one run, the longest overdue first.
const maxRows = 500

// healPauses sends again for every pause that is overdue, and for every pause
// and resume that has lost its owner.
func (r *run) healPauses(ctx context.Context) error {
	late, err := r.store.OverduePauses(ctx, maxRows)
	if err != nil {
		return fmt.Errorf("list overdue pauses: %w", err)
	}
	abandoned, err := r.store.AbandonedOps(ctx, maxRows)
	if err != nil {
		return fmt.Errorf("list abandoned pauses and resumes: %w", err)
	}
	return errors.Join(
		r.ask(ctx, latePauses, late, r.sendPause),
		r.ask(ctx, abandonedOps, abandoned, r.sendPause),
	)
}

// healTurns sends again for every turn that nobody takes, ends the jobs that
// had all their time, and queues those whose day has come.
func (r *run) healTurns(ctx context.Context) error {
	idle, err := r.store.AbandonedTurns(ctx, maxRows)
	if err != nil {
		return fmt.Errorf("list abandoned turns: %w", err)
	}
	scheduled, err := r.store.DueSchedules(ctx, maxRows)
	if err != nil {
		return fmt.Errorf("list due schedules: %w", err)
	}
	var overdue, turns, lost []job.Job
	for _, j := range idle {
		switch {
		case j.GivesBack() && j.ReadAt.Sub(j.FailingAt) > job.GiveBackTime:
			lost = append(lost, j)
		case !j.GivesBack() && j.Status != job.Queued && j.ReadAt.After(j.DeadlineAt): // the time of a queued job begins with its first turn
			overdue = append(overdue, j)
		default:
			turns = append(turns, j)
		}
	}
	return errors.Join(
		r.ask(ctx, abandonedTurns, turns, r.sendTurn),
		r.heal(ctx, overdueJobs, overdue, r.failOverdue),
		r.heal(ctx, overdueJobs, lost, r.giveUp),
		r.heal(ctx, dueSchedules, scheduled, r.queue),
	)
}

// ask sends a message for each of the rows, and notes for which it did.
func (r *run) ask(ctx context.Context, what rule, rows []job.Job, send func(context.Context, job.Job) error) error {
	var asked pile[job.Job]
	err := r.heal(ctx, what, rows, func(ctx context.Context, j job.Job) error {
		err := send(ctx, j)
		if err == nil {
			asked.add(j)
		}
		return err
	})
	if sent := asked.take(); len(sent) > 0 {
		if err := r.store.RecordAsked(ctx, sent); err != nil { // the next run sends again: one more is harmless
			r.log.WarnContext(ctx, "record asked", "error", err)
		}
	}
	return err
}

// heal heals rows by f. job.ErrConflict means that somebody was faster.
func (r *run) heal(ctx context.Context, what rule, rows []job.Job, f func(context.Context, job.Job) error) error {
	r.found(what, len(rows))
	return together(workers, rows, func(j job.Job) error {
		err := f(ctx, j)
		switch {
		case errors.Is(err, job.ErrConflict):
			return nil
		case err != nil:
			r.unknown(what)
			return err
		}
		r.healed(what)
		return nil
	})
}

func (r *run) sendTurn(ctx context.Context, j job.Job) error {
	if err := r.builds.SendBuild(ctx, sqs.Turn(j), 0); err != nil {
		return fmt.Errorf("send build message: %w", err)
	}
	return nil
}

// queue gives a scheduled job its first turn. If the message is not sent, the
// job counts as abandoned a minute later.
func (r *run) queue(ctx context.Context, j job.Job) error {
	j, err := r.store.QueueScheduled(ctx, j, r.deadline)
	if err != nil {
		return fmt.Errorf("queue scheduled job: %w", err)
	}
	return r.sendTurn(ctx, j)
}

// failOverdue ends a job that had all its time, in words, and kills its sandbox,
// if that is one of ours: a copy of the database names sandboxes of the original.
// If that does not work, its sandbox is an orphan from now on.
func (r *run) failOverdue(ctx context.Context, j job.Job) error {
	debugID, message := job.NewID(), j.OverdueMessage()
	j, err := r.store.FailOverdue(ctx, j, message, debugID)
	if err != nil {
		return fmt.Errorf("fail overdue job: %w", err)
	}
	metrics.Ended(ctx, metrics.JobsFailedDeadline)
	r.log.ErrorContext(ctx, "build failed", "job_id", j.ID, "debug_id", debugID, "reason", message)
	if j.GivesBack() { // by its builder
		return r.sendTurn(ctx, j)
	}
	if j.SandboxID == "" || j.SandboxState == job.SandboxGone {
		return nil
	}
	_, err = r.examineRow(ctx, j)
	return err
}

// giveUp ends a job that has tried for long enough to give back what it took. Its
// sandbox is an orphan from now on.
func (r *run) giveUp(ctx context.Context, j job.Job) error {
	reason := j.Failing
	j, err := r.store.LoseOverdue(ctx, j)
	if err != nil {
		return fmt.Errorf("give up taken sandbox: %w", err)
	}
	r.log.ErrorContext(ctx, "taken sandbox is given up", "job_id", j.ID, "debug_id", j.DebugID, "sandbox_id", j.SandboxID, "reason", reason)
	_, err = r.examineRow(ctx, j)
	return err
}
