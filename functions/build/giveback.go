package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"siesta/functions/build/inplace"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/metrics"
)

const (
	// mostBacks is how many turns that E2B answered may end with a workspace that is
	// not put back: each keeps its sandbox awake, some hour and a half in all.
	mostBacks = 20
	// mostUnequal is how often a workspace may differ after it was put back.
	mostUnequal = 2
	// minPatience and maxPatience bound the wait for what keeps a workspace from
	// being put back. No refusal of E2B's proves a sandbox lost.
	minPatience, maxPatience = 5 * time.Second, 10 * time.Minute
	// stopTime outlives the grace that a step's processes have.
	stopTime = 20 * time.Second
)

// settle makes of an end of a turn what it is for a job that works in the sandbox of
// an earlier version: nobody kills it. The job gives it back, or it is lost for both.
func (t *turn) settle(ctx context.Context, err error) error {
	var f *failure
	switch {
	case errors.As(err, &f) && f.lost:
		return t.lose(ctx, f)
	case errors.As(err, &f):
		err = t.failTaken(ctx, f)
	case errors.Is(err, job.ErrConflict):
	default:
		return err
	}
	if errors.Is(err, job.ErrConflict) && t.envd != nil {
		// Cancelled, or found to be overdue: whose turn it is gives it back. One whose
		// connect was not answered does not: it may still travel.
		row, readErr := t.store.Get(ctx, t.j.ID)
		if readErr == nil && row.Claim == t.j.Claim && row.GivesBack() {
			return t.giveBack(ctx, row)
		}
	}
	return err
}

// failTaken is fail for such a job.
func (t *turn) failTaken(ctx context.Context, f *failure) error {
	debugID := job.NewID()
	t.log.ErrorContext(ctx, "build failed", "debug_id", debugID, "reason", f.message, "cause", f.cause)
	row, err := t.store.RecordFailing(ctx, t.j, f.message, debugID)
	if err != nil {
		return err
	}
	metrics.Ended(ctx, f.counted())
	return t.giveBack(ctx, row)
}

// giveBack puts the workspace back as it was, and the version that had it in its
// place. It is tried again until that is done, or the sandbox is proved to be lost.
func (t *turn) giveBack(ctx context.Context, row job.Job) error {
	_ = t.take(row, nil)
	t.polled, t.before, t.unheard = 0, 0, false
	ctx, cancel := working(ctx)
	defer cancel()
	err := inWords(t.putBack(ctx))
	var (
		f *failure
		w waiting
	)
	switch {
	case errors.As(err, &f) && f.lost:
		return t.lose(ctx, f)
	case errors.As(err, &f):
		t.log.WarnContext(ctx, "version not put back yet", "sandbox_id", t.j.SandboxID, "reason", f.message, "cause", f.cause)
		return waitFor(t.patience(minPatience))
	case errors.As(err, &w):
		return waitFor(t.patience(w.wait))
	}
	return err
}

// patience is half the time since the job failed, and least at the least.
func (t *turn) patience(least time.Duration) time.Duration {
	since := t.j.ReadAt.Sub(t.j.FailingAt) + time.Since(t.read)
	return min(max(since.Round(time.Second)/2, least), maxPatience)
}

func (t *turn) putBack(ctx context.Context) error {
	if t.j.KeptHash == "" { // nothing was changed, whatever E2B says
		return t.handBack(ctx)
	}
	if t.j.Crashes >= mostBacks {
		return lost(nil, "The version before could not be put back.")
	}
	if t.envd == nil {
		if err := t.connect(ctx); err != nil {
			return err
		}
	}
	from, err := t.earlier(ctx)
	if err != nil {
		return err
	}
	if err := t.restore(ctx, from); err != nil {
		return err
	}
	if err := t.serveAgain(ctx, from); err != nil {
		return err
	}
	return t.handBack(ctx)
}

// restore makes the workspace what it was, byte for byte.
func (t *turn) restore(ctx context.Context, from job.Job) error {
	names, err := t.steps(ctx)
	if err != nil {
		return err
	}
	last := 0
	for _, name := range names {
		if n, found := strings.CutPrefix(name, backStep+"-"); found {
			number, _ := strconv.Atoi(n)
			last = max(last, number)
		} else if err := t.stop(ctx, envd.StepDir(t.j.ID, t.j.CreateNo, name)); err != nil {
			return err
		}
	}
	command := inplace.Back(job.Workspace, t.aside(), t.j.KeptHash)
	for n, unequal := max(last, 1), 0; ; n++ {
		p, err := t.finish(ctx, backStep+"-"+strconv.Itoa(n), command, "Putting the version before back", "Putting the version before back")
		switch {
		case err != nil:
			return err
		case p.Phase == envd.StepExited && p.ExitCode == 0:
			return nil
		case p.Phase == envd.StepExited && p.ExitCode == inplace.ExitNoCopy:
			return lost(nil, "The copy of the version before is gone.")
		case p.Phase == envd.StepExited && p.ExitCode == inplace.ExitDiffers:
			if unequal++; unequal >= mostUnequal {
				return lost(nil, "The version before could not be put back as it was.")
			}
			// Its server may write into the workspace.
			server, _, err := t.serverOf(ctx, from)
			if err == nil {
				err = t.stop(ctx, server)
			}
			if err != nil {
				return err
			}
		case n > last: // begun in this turn: a later one may do better
			return failed(nil, "Putting the version before back %s with exit code %d.", p.Phase, p.ExitCode)
		}
	}
}

// steps are the names of the job's steps in the sandbox.
func (t *turn) steps(ctx context.Context) (names []string, err error) {
	err = t.look(ctx, func(ctx context.Context) error {
		found, err := t.envd.List(ctx, path.Dir(t.dir("")))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		names = names[:0]
		for _, name := range found {
			if name, ours := strings.CutPrefix(name, strconv.Itoa(t.j.CreateNo)+"-"); ours {
				names = append(names, name)
			}
		}
		return nil
	})
	return names, err
}

// serveAgain starts the server of the version before if it is dead, and does not wait
// for it.
func (t *turn) serveAgain(ctx context.Context, from job.Job) error {
	if from.Plan.Start == "" || !from.DeletedAt.IsZero() {
		return nil
	}
	server, serves, err := t.serverOf(ctx, from)
	if err != nil {
		return err
	}
	live, _, err := t.runs(ctx, server)
	if live && serves || err != nil {
		return err
	}
	env, err := t.sealer.Open(ctx, from.ID, from.EnvSealed)
	if err != nil {
		return fmt.Errorf("open previous environment: %w", err)
	}
	starting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	err = t.envd.StartStep(starting, envd.Step{
		Dir:     envd.StepDir(from.ID, from.CreateNo, "start-"+strconv.Itoa(t.j.Epoch+1)), // the epoch that it will have
		Command: from.Plan.Server(), Cwd: job.Workspace, Env: from.Plan.Environment(env, t.e2b.Domain()),
	})
	if err != nil { // a wake starts it, too
		t.log.WarnContext(ctx, "start the server of the version before", "error", err)
	}
	return nil
}

// handBack ends the job, and gives the version before its sandbox: it sleeps from now
// on. One that was deleted meanwhile takes nothing back.
func (t *turn) handBack(ctx context.Context) error {
	if t.j.DeletedAt.IsZero() {
		t.say(ctx, "BUILD FAILED: "+t.j.Failing)
		t.keepLog(ctx)
	}
	from, err := t.store.HandBack(ctx, t.j)
	if errors.Is(err, job.ErrConflict) {
		row, readErr := t.store.Get(ctx, t.j.ID)
		if readErr == nil && row.Claim == t.j.Claim && row.GivesBack() {
			return lost(nil, "The version before is not there any more.")
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("hand back: %w", err)
	}
	t.j.Status = job.Failed
	if err := t.sendPause(ctx, from); err != nil { // reconcile sends it
		t.log.WarnContext(ctx, "sandbox handed back without a pause message", "error", err)
	}
	return nil
}

// lose ends the job and what it took.
func (t *turn) lose(ctx context.Context, f *failure) error {
	counted := t.j.GivesBack() // by who recorded why it fails
	message, debugID := f.message+" The preview of the version before went with it; that version can be built again.", job.NewID()
	if t.j.GivesBack() {
		message, debugID = t.j.Failing, t.j.DebugID
	}
	t.log.ErrorContext(ctx, "taken sandbox is lost", "debug_id", debugID, "sandbox_id", t.j.SandboxID, "reason", f.message, "cause", f.cause)
	t.say(ctx, "BUILD FAILED: "+message)
	t.keepLog(ctx)
	if err := t.take(t.store.Lose(ctx, t.j, message, debugID)); err != nil {
		return err
	}
	if !counted {
		metrics.Ended(ctx, metrics.JobsFailedSandbox)
	}
	t.kill(ctx, t.j.SandboxID)
	return nil
}
