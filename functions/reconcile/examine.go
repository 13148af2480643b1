package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/job"
)

const (
	// maxLooks sandboxes are looked at one by one in one run: those that were
	// missing before, then those awake, then those asleep.
	maxLooks   = 200
	maxMissing = 50
	maxAwake   = 100
	// lookTime is how long one look may take, so that a sandbox of which E2B
	// tells nothing leaves time for the others.
	lookTime = 3 * time.Second
	// saveTime is for noting where a run stopped when its time is up.
	saveTime = 2 * time.Second
)

// errSilent: E2B told nothing of any sandbox of a group.
var errSilent = errors.New("no look at a sandbox was answered")

// examineRows asks E2B about the sandboxes that the rows claim to have, and acts
// on what it tells.
func (r *run) examineRows(ctx context.Context) error {
	again, err := r.store.Missing(ctx, maxMissing)
	if err != nil {
		return fmt.Errorf("list missing sandboxes: %w", err)
	}
	_, againErr := r.examineAll(ctx, again) // the same come first in each run, so they must not hold up the others
	left := maxLooks - len(again)
	n, err := r.walk(ctx, "rows awake", r.store.Awake, min(left, maxAwake))
	if err != nil {
		return errors.Join(againErr, err)
	}
	_, err = r.walk(ctx, "rows asleep", r.store.Asleep, left-n)
	return errors.Join(againErr, err)
}

// walk goes on through rows, in the order of their ids, where the last run
// stopped, and returns how many it has looked at.
func (r *run) walk(ctx context.Context, task string, list func(context.Context, string, int) ([]job.Job, error), most int) (int, error) {
	after, err := r.progress.Position(ctx, task)
	if err != nil {
		return 0, fmt.Errorf("read position: %w", err)
	}
	rows, err := list(ctx, after, most)
	if err != nil {
		return 0, fmt.Errorf("list %s: %w", task, err)
	}
	n, err := r.examineAll(ctx, rows)
	position := ""
	if n == most || n < len(rows) {
		position = after
		if n > 0 {
			position = rows[n-1].ID
		}
	}
	if position == after {
		return n, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	return n, errors.Join(err, r.progress.SavePosition(ctx, task, position))
}

// examineAll examines rows in groups and returns how many it has done. It
// stops after a whole group of which E2B tells nothing; a few sandboxes of which
// it never does hold nothing up.
func (r *run) examineAll(ctx context.Context, rows []job.Job) (n int, err error) {
	for n < len(rows) {
		group := rows[n:min(n+workers, len(rows))]
		var unanswered atomic.Int64
		if err := together(workers, group, func(j job.Job) error {
			answered, err := r.examineRow(ctx, j)
			if !answered {
				unanswered.Add(1)
			}
			return err
		}); err != nil {
			return n, err
		}
		n += len(group)
		if unanswered.Load() == workers {
			return n, errSilent
		}
	}
	return n, nil
}

// examineRow asks E2B about a row's sandbox, and acts on the answer if there is
// one.
func (r *run) examineRow(ctx context.Context, j job.Job) (answered bool, err error) {
	looking, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	s, err := r.e2b.Get(looking, j.SandboxID)
	switch {
	case errors.Is(err, e2b.ErrNotFound):
		return true, r.missed(ctx, j)
	case err != nil:
		r.unknown(missing)
		r.log.WarnContext(ctx, "look at sandbox", "job_id", j.ID, "sandbox_id", j.SandboxID, "error", err)
		return false, nil
	case s.Metadata[job.TagStack] != r.stack:
		return true, nil
	}
	r.sights.Add(1)
	j = r.seen(ctx, j)
	return true, errors.Join(r.act(ctx, s, candidate{owner: &j}), r.retireAsleep(ctx, j))
}

// missed notes that E2B does not know a row's sandbox. If that is noted already,
// it may be lost.
func (r *run) missed(ctx context.Context, j job.Job) error {
	_, err := r.store.RecordFinishedMissing(ctx, j)
	switch {
	case errors.Is(err, job.ErrConflict):
		r.lost.add(j)
		return nil
	case err != nil:
		return fmt.Errorf("record missing sandbox: %w", err)
	}
	r.found(missing, 1)
	return nil
}

// seen notes that E2B knows a sandbox that was missing, and returns the row.
func (r *run) seen(ctx context.Context, j job.Job) job.Job {
	if j.MissingSince.IsZero() || !j.Status.Terminal() {
		return j
	}
	row, err := r.store.RecordSeen(ctx, j)
	switch {
	case errors.Is(err, job.ErrConflict):
		return j
	case err != nil:
		r.log.WarnContext(ctx, "record sight of sandbox", "job_id", j.ID, "error", err)
		return j
	}
	return row
}

// act does what the newest look at a sandbox calls for.
func (r *run) act(ctx context.Context, s e2b.Sandbox, c candidate) error {
	if s.Metadata[job.TagStack] != r.stack {
		return nil
	}
	switch v := c.judge(s); v {
	case fine:
		return nil
	case awake:
		return r.foundAwake(ctx, *c.owner, s)
	default:
		j := c.owner
		if j == nil {
			j = c.tagged
		}
		r.kill(ctx, s.ID, j, v)
		return nil
	}
}

// foundAwake notes in the row that its sandbox, which was paused, runs, and asks
// for its pause.
func (r *run) foundAwake(ctx context.Context, j job.Job, s e2b.Sandbox) error {
	j, err := r.store.RecordWoken(ctx, j, s.EndAt)
	if errors.Is(err, job.ErrConflict) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("record woken sandbox: %w", err)
	}
	r.found(woken, 1)
	r.log.WarnContext(ctx, "sandbox was woken from outside", "job_id", j.ID, "sandbox_id", j.SandboxID, "epoch", j.Epoch)
	if err := r.sendPause(ctx, j); err != nil { // a minute from now it is a late pause
		r.unknown(woken)
		r.log.WarnContext(ctx, "ask for pause", "job_id", j.ID, "error", err)
		return nil
	}
	r.healed(woken)
	return nil
}

// kill ends a sandbox that belongs to no job, or to a failed one. What is not
// answered is done again when it is seen again.
func (r *run) kill(ctx context.Context, sandboxID string, j *job.Job, why verdict) {
	r.found(orphans, 1)
	log := r.log.With("sandbox_id", sandboxID, "reason", string(why))
	if j != nil {
		log = log.With("job_id", j.ID)
	}
	if err := r.e2b.Kill(ctx, sandboxID); err != nil && !errors.Is(err, e2b.ErrNotFound) {
		r.unknown(orphans)
		log.WarnContext(ctx, "kill sandbox", "error", err)
		return
	}
	r.healed(orphans)
	log.InfoContext(ctx, "kill sandbox")
	if j == nil || j.Status != job.Failed || j.SandboxID != sandboxID || j.SandboxState == job.SandboxGone {
		return
	}
	if _, err := r.store.RecordKilled(ctx, j.ID, sandboxID); err != nil && !errors.Is(err, job.ErrConflict) {
		log.WarnContext(ctx, "record killed sandbox", "error", err)
	}
}
