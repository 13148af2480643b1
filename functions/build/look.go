package main

import (
	"context"
	"errors"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/job"
)

const (
	minWait = time.Second // of a message: queues count in seconds
	maxWait = 60 * time.Second
	// youngStep is how long a step's looks come twice as often as later: a second
	// is much of a short one.
	youngStep = time.Minute
	// watchedWait is the longest wait while somebody reads the job's log.
	watchedWait = 2 * time.Second
	// turnPoll and jobPoll bound the time that is billed for waiting: for a command
	// by the turn that started it, and over all turns of a job. A turn may go over
	// its own by one look.
	turnPoll = 3 * time.Second
	jobPoll  = 8 * time.Second
	// jobSilence is what a job may cost beyond jobPoll in looks that its sandbox
	// does not answer: some ten minutes of them, since they come ever less often.
	jobSilence = 30 * time.Second
	// A look at a command comes as long after the one before as the turn has waited for
	// it already, within these bounds: some take no time.
	firstPoll, pollEvery = 20 * time.Millisecond, 150 * time.Millisecond
	// lookTime is what one look may take. Nothing that runs in a sandbox makes a
	// turn wait longer: what has no answer by then is looked at by a later turn.
	lookTime = 2 * time.Second
	// startTime is what the start of a command may take.
	startTime = 8 * time.Second
	// startPatience is how long a start waits for the end of what takes a moment.
	startPatience = 500 * time.Millisecond
	// startAgain is the wait after a start that came to nothing. It costs a job as
	// much as a look without an answer, so some five minutes of that are enough.
	startAgain = 20 * time.Second
	// recordTime at the end of the function is kept for the turn's last writes.
	recordTime = 10 * time.Second
)

// working is the part of the function's time in which a turn acts. What it comes
// to is written in the rest.
func working(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-recordTime))
}

// look asks the job's sandbox something that may be asked again. Whoever answers
// shares the sandbox with the app, so no answer, or a bad one, says nothing about
// the step that was asked for: the turn ends, and a later one asks again.
func (t *turn) look(ctx context.Context, ask func(context.Context) error) error {
	looking, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	began := time.Now()
	err := ask(looking)
	for slips := 0; err != nil && slips < maxSlips && looking.Err() == nil; slips++ {
		err = ask(looking)
	}
	if err == nil {
		if t.started {
			t.polled += time.Since(began)
		}
		return nil
	}
	t.unheard = true
	t.polled += max(time.Since(began), lookTime) // however fast, or they would never add up
	return t.putOff(ctx, err, t.wait())
}

// putOff leaves to a later turn what the sandbox did not do, as long as the job's
// account allows for that.
func (t *turn) putOff(ctx context.Context, err error, wait time.Duration) error {
	t.log.WarnContext(ctx, "sandbox does not answer", "sandbox_id", t.j.SandboxID, "error", err)
	switch {
	case t.total() < jobPoll+jobSilence:
		return waitFor(wait)
	case errors.Is(err, e2b.ErrNoProcess):
		return failed(err, "The sandbox of this build has no room for another process.")
	default:
		return failed(err, "The sandbox of this build stopped answering.")
	}
}

// probe looks at the app once, as a visitor does.
func (t *turn) probe(ctx context.Context, url string) e2b.Preview {
	looking, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	began := time.Now()
	p := t.e2b.Probe(looking, url)
	if t.unheard = looking.Err() != nil; t.unheard || t.started {
		t.polled += time.Since(began)
	}
	return p
}

// work looks at the scripts of the app's page once, if it has any. What has no
// answer in time says nothing, and costs the turn nothing more.
func (t *turn) work(ctx context.Context, p e2b.Preview) e2b.Preview {
	looking, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	began := time.Now()
	p = t.e2b.Work(looking, p)
	if t.started {
		t.polled += time.Since(began)
	}
	return p
}

// linger waits a moment and reports whether the turn may look once more.
func (t *turn) linger(ctx context.Context) bool {
	if !t.started || t.unheard || t.polled-t.before >= turnPoll || t.total() >= jobPoll {
		return false
	}
	began := time.Now()
	select {
	case <-time.After(min(max(t.polled-t.before, firstPoll), pollEvery)):
		t.polled += time.Since(began)
		return true
	case <-ctx.Done():
		return false
	}
}

// total is the time that the job's turns have waited so far.
func (t *turn) total() time.Duration {
	return time.Duration(t.progress.PolledMS)*time.Millisecond + t.polled
}

// sum is the turn's progress with the time that it has waited, as its last write
// stores it.
func (t *turn) sum() job.Progress {
	p := t.progress
	p.PolledMS = int(t.total().Milliseconds())
	return p
}

// elapsed is how long the job has been at its present command.
func (t *turn) elapsed() time.Duration {
	return t.j.ReadAt.Sub(t.j.StepStartedAt) + time.Since(t.read)
}

// wait is a twentieth of the time that a young step has taken, a tenth later; all
// of it after a look that had no answer, since each of those costs its whole time.
func (t *turn) wait() time.Duration {
	wait := t.elapsed()
	switch {
	case t.unheard:
	case wait < youngStep:
		wait /= 20
	default:
		wait /= 10
	}
	return min(max(wait.Round(time.Second), minWait), maxWait)
}

// again ends the turn until the next look at a step. Who reads the log waits for its
// lines, if it prints any, but not at any price: a look that had no answer costs its
// whole time, one that an app answers as late as it may is worth a wait twice as long,
// and each further turn may die, of which a job can bear a few.
func (t *turn) again(ctx context.Context, step string) error {
	wait := t.wait()
	if wait > watchedWait && !t.unheard && !ownStep(step) && t.j.Crashes < maxCrashes/2 && t.cache.Watched(ctx, t.j.ID) {
		wait = min(wait, max(watchedWait, 2*time.Since(t.read).Round(time.Second)))
	}
	return waitFor(wait)
}
