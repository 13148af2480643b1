package jobs_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

// wantLimit checks that a wake is refused in words, until a time that is not far.
func (b fixture) wantLimit(j job.Job, w jobs.Wake, word string, most time.Duration) {
	b.t.Helper()
	b.wantUnwritten(j.ID, job.ErrLimit, func() (job.Job, error) {
		taken, err := b.TakeResume(b.ctx, j, w)
		var limit *job.LimitError
		if errors.As(err, &limit) && (!strings.Contains(limit.Reason, word) || limit.RetryAfter <= 0 || limit.RetryAfter > most) {
			b.t.Errorf("got %q, again in %v", limit.Reason, limit.RetryAfter)
		}
		return taken, err
	})
}

func TestWakesOfAnHourAreLimited(t *testing.T) {
	b := setup(t)
	w := jobs.Wake{Time: 10 * time.Minute, Limits: job.Limits{WakesPerHour: 2}}
	first, second, third := b.paused(), b.paused(), b.paused()
	b.up(must(t)(b.TakeResume(b.ctx, first, w)))
	again := must(t)(b.TakeResume(b.ctx, second, w))
	b.wantLimit(third, w, "in an hour is reached: 2", time.Hour)
	// One that is under way already is none anew; nor is a preview that runs.
	b.pass(job.OpTime + time.Second)
	again = b.up(must(t)(b.TakeResume(b.ctx, again, w)))
	must(t)(b.TakeResume(b.ctx, again, w))
	b.pass(time.Hour)
	must(t)(b.TakeResume(b.ctx, third, w))
}

func TestTheTimeAwakeInADayIsLimited(t *testing.T) {
	b := setup(t)
	w := jobs.Wake{Time: 10 * time.Minute, Limits: job.Limits{AwakeSecondsPerDay: 15 * 60}}
	first, second := b.paused(), b.paused()
	running := b.up(must(t)(b.TakeResume(b.ctx, first, w)))
	b.wantLimit(second, w, "in a day is reached: 15m0s", 24*time.Hour)
	b.pass(4 * time.Minute)
	running = must(t)(b.Get(b.ctx, running.ID))
	running = b.up(must(t)(b.TakeResume(b.ctx, running, w))) // four minutes more
	b.pass(2 * time.Minute)
	b.wantLimit(must(t)(b.Get(b.ctx, running.ID)), w, "in a day is reached: 15m0s", 24*time.Hour)
	b.pass(24 * time.Hour)
	must(t)(b.TakeResume(b.ctx, second, w))
}

// up is a wake at its good end.
func (b fixture) up(j job.Job) job.Job {
	b.t.Helper()
	return must(b.t)(b.RecordResumed(b.ctx, j, jobs.Run{Due: 10 * time.Minute, TTL: 30 * time.Minute}))
}
