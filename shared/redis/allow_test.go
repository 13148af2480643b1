package redis

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siesta/proof/redistest"
	"siesta/shared/job"
)

// However many ask at once, the links of a share get what they may, and no more; what
// was granted once is not counted twice, and what was refused not at all.
func TestWhatLinksMayIsCounted(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	s, a := job.Share{ID: job.NewID(), Number: 1}, Allowance{WakesPerHour: 3, AwakePerDay: 25 * time.Minute}
	ask := func(s job.Share, j job.Job, wakes int, awake time.Duration) bool {
		err := c.Allow(t.Context(), s, j, a, wakes, awake)
		var limit *job.LimitError
		switch {
		case err == nil:
			return true
		case !errors.As(err, &limit) || limit.Reason == "" || limit.RetryAfter <= 0 || limit.RetryAfter > 24*time.Hour:
			t.Errorf("got %v", err)
		}
		return false
	}
	atOnce := func(jobs []job.Job, wakes int, awake time.Duration) (granted int32) {
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				if ask(s, jobs[i%len(jobs)], wakes, awake) {
					atomic.AddInt32(&granted, 1)
				}
			})
		}
		all.Wait()
		return granted
	}
	one := job.Job{ID: job.NewID(), Revision: 7}
	if n := atOnce([]job.Job{one}, 1, 10*time.Minute); n != 30 {
		t.Errorf("of 30 clicks on one sleep %d were granted", n)
	}
	var others []job.Job
	for range 30 {
		others = append(others, job.Job{ID: job.NewID(), Revision: 1})
	}
	if n := atOnce(others, 1, 10*time.Minute); n != 1 {
		t.Errorf("%d other wakes fit into 15 minutes", n)
	}
	if !ask(s, job.Job{ID: one.ID, Revision: 8}, 0, 5*time.Minute) || ask(s, job.Job{ID: one.ID, Revision: 9}, 0, time.Second) {
		t.Error("what is left of the time is not granted, or more is")
	}
	a.AwakePerDay = 0
	if n := atOnce(others, 1, time.Hour); n != 2 { // the one that was granted, and a third
		t.Errorf("%d others of 3 wakes", n)
	}
	if s.Number++; !ask(s, others[0], 1, time.Hour) {
		t.Error("links that were made after all were ended have nothing")
	}
	for what, while := range map[string]time.Duration{"wakes": time.Hour, "awake": 24 * time.Hour} {
		if left := c.client().TTL(t.Context(), shareKey(s.ID)+":1:"+what).Val(); left <= while-time.Minute || left > while {
			t.Errorf("%s are counted for %v", what, left)
		}
	}
}
