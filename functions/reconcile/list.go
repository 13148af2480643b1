package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/metrics"
)

// maxPages of 100 sandboxes are read in one run. Those that run come first:
// they cost money.
const maxPages = 20

// listSandboxes goes through E2B's list of our sandboxes and looks for those
// that belong to nobody, and those that run although their row sleeps.
func (r *run) listSandboxes(ctx context.Context) error {
	now, err := r.progress.Now(ctx)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	pages := maxPages
	for _, state := range []e2b.State{e2b.Running, e2b.Paused} {
		used, err := r.list(ctx, state, pages, now)
		if err != nil {
			return fmt.Errorf("list %s sandboxes: %w", state, err)
		}
		pages -= used
	}
	return nil
}

// list goes on with a list where the last run stopped, and returns how many
// pages it has read.
func (r *run) list(ctx context.Context, state e2b.State, most int, now time.Time) (int, error) {
	task := "list " + string(state)
	next, err := r.progress.Position(ctx, task)
	if err != nil {
		return 0, fmt.Errorf("read position: %w", err)
	}
	filter := e2b.Filter{Metadata: map[string]string{job.TagStack: r.stack}, States: []e2b.State{state}}
	begun, seen := next == "", 0
	for n := range most {
		page, err := r.e2b.ListPage(ctx, filter, next)
		if errors.Is(err, e2b.ErrRefused) && next != "" { // the position is too old
			return n, r.progress.SavePosition(ctx, task, "")
		}
		if err != nil {
			return n, err
		}
		if odd := len(page.Odd); odd > 0 {
			r.add(orphans, odd, 0, odd)
			r.log.WarnContext(ctx, "list has entries that are no sandbox", "entries", odd)
		}
		if err := r.judgePage(ctx, page.Sandboxes, now); err != nil {
			return n, err
		}
		if next != page.Next {
			if err := r.progress.SavePosition(ctx, task, page.Next); err != nil {
				return n, err
			}
		}
		seen += len(page.Sandboxes)
		if next = page.Next; next == "" {
			if begun && state == e2b.Running { // what a run sees of the middle alone is no number
				metrics.Count(ctx, metrics.Awake, seen)
			}
			return n + 1, nil
		}
	}
	return most, nil
}

// judgePage finds the sandboxes' jobs, by the sandbox first and by its tag
// second, and acts on those that do not fit together.
func (r *run) judgePage(ctx context.Context, sandboxes []e2b.Sandbox, now time.Time) error {
	var sandboxIDs, jobIDs []string
	for _, s := range sandboxes {
		sandboxIDs = append(sandboxIDs, s.ID)
		if id := s.Metadata[job.TagJob]; job.IsID(id) {
			jobIDs = append(jobIDs, id)
		}
	}
	rows, err := r.store.Owners(ctx, sandboxIDs, jobIDs)
	if err != nil {
		return fmt.Errorf("find owners: %w", err)
	}
	bySandbox, byID := map[string]job.Job{}, map[string]job.Job{}
	for _, j := range rows {
		byID[j.ID] = j
		// Who gave it away has it no more. Those that went with it are as gone as
		// whoever had it; whoever has it now comes first.
		had, known := bySandbox[j.SandboxID]
		if j.SandboxState != job.SandboxMoved && (!known || had.SandboxState == job.SandboxGone) {
			bySandbox[j.SandboxID] = j
		}
	}
	return together(workers, sandboxes, func(s e2b.Sandbox) error {
		if s.Metadata[job.TagStack] != r.stack {
			return nil
		}
		c := candidate{now: now}
		if j, ok := bySandbox[s.ID]; ok {
			j = r.seen(ctx, j)
			c.owner = &j
		}
		if j, ok := byID[s.Metadata[job.TagJob]]; ok {
			c.tagged = &j
		}
		if c.owner != nil || c.tagged != nil {
			r.matches.Add(1)
		}
		switch v := c.judge(s); v {
		case fine:
			return nil
		case noJob:
			r.orphaned.add(orphan{s, c})
			return nil
		default:
			return r.examineListed(ctx, s, c, v)
		}
	})
}

// examineListed asks E2B about a sandbox that the list gave a verdict on, since a
// list lags behind, and acts on what it is now.
func (r *run) examineListed(ctx context.Context, listed e2b.Sandbox, c candidate, v verdict) error {
	s, err := r.e2b.Get(ctx, listed.ID)
	switch {
	case errors.Is(err, e2b.ErrNotFound):
		return nil
	case err != nil: // it is looked at again when it is listed again
		r.unknown(v.rule())
		r.log.WarnContext(ctx, "look at sandbox", "sandbox_id", listed.ID, "reason", string(v), "error", err)
		return nil
	}
	return r.act(ctx, s, c)
}

// candidate is a sandbox's place among the rows.
type candidate struct {
	owner  *job.Job // the row that has this sandbox; nil: none
	tagged *job.Job // the row of the job that it was created for; nil: none
	now    time.Time
}

// verdict says what is to be done about a sandbox.
type verdict string

// The verdicts. fine and awake leave it alive. The others are reasons to kill it,
// and stay true once they are: no job or row ever takes such a sandbox back.
const (
	fine      verdict = ""
	awake     verdict = "somebody outside woke it"
	jobFailed verdict = "its job failed"
	rowGone   verdict = "its row says that it is gone"
	noJob     verdict = "there is no such job"
	replaced  verdict = "its job has another sandbox"
	outdated  verdict = "a later create call took its place"
)

func (v verdict) rule() rule {
	if v == awake {
		return woken
	}
	return orphans
}

func (c candidate) judge(s e2b.Sandbox) verdict {
	if j := c.owner; j != nil {
		switch {
		case j.Status == job.Failed:
			return jobFailed
		case j.SandboxState == job.SandboxGone:
			return rowGone
		case j.SandboxState == job.SandboxPaused && s.State == e2b.Running && j.ReadAt.Sub(j.PausedAt) > job.Grace:
			return awake
		}
		return fine
	}
	createNo, err := strconv.Atoi(s.Metadata[job.TagCreate])
	switch j := c.tagged; {
	case j == nil && c.now.Sub(s.StartedAt) > job.Grace:
		return noJob
	case j == nil:
		return fine
	case j.Status == job.Failed:
		return jobFailed
	case j.SandboxID != "":
		return replaced
	case err == nil && createNo < j.CreateNo:
		return outdated
	default: // its create call may just be under way
		return fine
	}
}
