// Package wake wakes previews and keeps them awake: what a call about a row does,
// from the record of the wake to the app's answer. It owns the order of the effects
// and the times of a call. It knows no route and no caller: who may wake what has
// been decided. docs/lifecycle.md has its rules, under resume.
package wake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

// Times bound a call.
type Times struct {
	Answer time.Duration // the whole of it: the caller waits
	Send   time.Duration // from the wake's record until the connect is sent
	Look   time.Duration // for E2B to tell when a run ends, and for a running app to answer
	Record time.Duration // kept for what is recorded at its end
	Silent time.Duration // until a cache that cannot be told is believed by nobody
}

// CallTimes are a function's; the gateway gives 30 s. The cache's readers and
// Postgres need not agree on the time to the second.
var CallTimes = Times{
	Answer: 25 * time.Second, Send: 5 * time.Second, Look: 2 * time.Second, Record: 3 * time.Second,
	Silent: job.SleepBelieved + time.Second,
}

const (
	// AskAgain is when a caller whose preview is not up yet should come back.
	AskAgain = 2 * time.Second
	// rereads bounds how often one call starts over because the row moved on.
	rereads = 4
)

// Waker wakes the previews of a stack. Its fields are set before its first call.
type Waker struct {
	Log    *slog.Logger
	Store  *jobs.Store
	Cache  *redis.Cache
	Pauses *sqs.Queue
	E2B    *e2b.Client
	Sealer *secrets.Sealer
	Limits job.TierLimits
	Time   time.Duration // how long a resumed preview stays awake
	Times  Times
	// Allow is asked before a wake of the row is recorded; its error ends the call. nil:
	// whoever calls may.
	Allow func(context.Context, job.Job, jobs.Wake) error
}

// Result is what a call has come to: the row, and whether its preview is up. If it
// is not, the caller comes back after AskAgain.
type Result struct {
	Job job.Job
	Up  bool
}

// Wake wakes the preview of the row that read returns, or joins whoever does. What
// runs is left as it is unless it is due soon; with prolong, unless half of its time
// is left. The errors are those of read and, beside them, job.ErrNotReady,
// job.ErrSandboxExpired, job.ErrSandboxUnreachable, job.ErrWaking, job.ErrLimit and
// job.ErrUnavailable.
func (h *Waker) Wake(ctx context.Context, prolong bool, read func(context.Context) (job.Job, error)) (Result, error) {
	return h.again(ctx, read, func(ctx context.Context, j job.Job) (Result, error) { return h.resume(ctx, j, prolong) })
}

// Prolong is Wake, with prolong, for a preview that is awake. One that is not is left
// as it is: that is no error, and the result says that it is not up.
func (h *Waker) Prolong(ctx context.Context, read func(context.Context) (job.Job, error)) (Result, error) {
	return h.again(ctx, read, func(ctx context.Context, j job.Job) (Result, error) {
		if !j.Awake(j.ReadAt) {
			return Result{j, false}, nil
		}
		if !h.soon(j, true) { // no look: nothing would come of it
			return Result{j, true}, nil
		}
		return h.resume(ctx, j, true)
	})
}

// again does what the row asks for, anew when somebody was faster.
func (h *Waker) again(ctx context.Context, read func(context.Context) (job.Job, error), do func(context.Context, job.Job) (Result, error)) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, h.Times.Answer)
	defer cancel()
	var j job.Job
	for range rereads {
		var err error
		if j, err = read(ctx); err != nil {
			return Result{}, err
		}
		result, err := do(ctx, j)
		if errors.Is(err, job.ErrConflict) { // somebody was faster
			continue
		}
		if errors.Is(err, job.ErrLimit) || errors.Is(err, job.ErrWaking) {
			metrics.Count(ctx, metrics.WakesRefused, 1)
		}
		return result, err
	}
	return Result{j, false}, nil
}

// resume does what the row as it was read asks for. job.ErrConflict: it has
// changed.
func (h *Waker) resume(ctx context.Context, j job.Job, prolong bool) (Result, error) {
	owned := j.OpUntil.After(j.ReadAt)
	switch {
	case j.Status != job.Ready:
		return Result{}, job.ErrNotReady
	case j.SandboxState == job.SandboxMoved:
		return Result{}, h.Store.WhereTo(ctx, j)
	case j.SandboxState == job.SandboxGone, j.SandboxState == job.SandboxNone:
		return Result{}, job.ErrSandboxExpired
	case !h.Store.Ours(j):
		return Result{}, fmt.Errorf("%w: it belongs to another stack", job.ErrSandboxUnreachable)
	case j.SandboxState == job.SandboxRunning && !h.soon(j, prolong) && h.answers(ctx, j):
		return Result{j, true}, nil
	case j.SandboxState == job.SandboxPausing && owned,
		j.SandboxState == job.SandboxResuming && j.WaiterUntil.After(j.ReadAt):
		return Result{j, false}, nil
	case j.SandboxState == job.SandboxResuming && !j.PauseDueAt.After(j.ReadAt):
		// Whoever asks on and on must not keep awake what does not come up.
		if !owned {
			h.sendPause(ctx, j, 0)
		}
		return Result{}, fmt.Errorf("%w: not up when it is due to sleep", job.ErrSandboxUnreachable)
	}
	var err error
	if j.SandboxState == job.SandboxResuming && owned {
		j, err = h.Store.JoinResume(ctx, j)
	} else {
		j, err = h.take(ctx, j)
	}
	if err != nil {
		return Result{}, err
	}
	return h.bringUp(logging.With(ctx, "epoch", j.Epoch), j)
}

func (h *Waker) take(ctx context.Context, j job.Job) (job.Job, error) {
	w := jobs.Wake{Time: h.Time, Limits: h.Limits.For(j.Tier)}
	if h.Allow != nil {
		if err := h.Allow(ctx, j, w); err != nil {
			return job.Job{}, err
		}
	}
	return h.Store.TakeResume(ctx, j, w)
}

// soon reports whether a running preview is due to sleep, or E2B ends it, too soon
// to leave it as it is. What is not known may be near.
func (h *Waker) soon(j job.Job, prolong bool) bool {
	margin := job.DueMargin
	if prolong {
		margin = h.Time / 2 // longer, by job.MinWake
	}
	return !j.PauseDueAt.After(j.ReadAt.Add(margin)) || !j.SandboxExpiresAt.After(j.ReadAt.Add(job.DueMargin))
}

// answers reports whether visitors see the app, or its own failure, at one look.
func (h *Waker) answers(ctx context.Context, j job.Job) bool {
	ctx, cancel := context.WithTimeout(ctx, h.Times.Look)
	defer cancel()
	return h.E2B.Probe(ctx, j.PreviewURL).Answered()
}
