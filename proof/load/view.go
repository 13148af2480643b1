package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// view is what is said about the jobs, and their sandboxes as they really are.
type view struct {
	ids       []string
	rows      map[string]job.Job
	cached    map[string]job.Job       // what there is
	sandboxes map[string][]e2bsim.Info // by the job that they were created for; those that exist
	messages  map[string]int           // by queue
}

func (u *users) look(ctx context.Context) (view, error) {
	v := view{rows: map[string]job.Job{}, cached: map[string]job.Job{}, sandboxes: map[string][]e2bsim.Info{}, messages: map[string]int{}}
	u.mu.Lock()
	v.ids = append(v.ids, u.ids...)
	u.mu.Unlock()
	rows, err := u.store.Owners(ctx, nil, v.ids)
	if err != nil {
		return view{}, fmt.Errorf("read jobs: %w", err)
	}
	for _, j := range rows {
		v.rows[j.ID] = j
	}
	for _, sandbox := range u.E2B.Sandboxes() {
		if sandbox.State != e2bsim.StateGone {
			id := sandbox.Metadata[job.TagJob]
			v.sandboxes[id] = append(v.sandboxes[id], sandbox)
		}
	}
	for _, queue := range u.Queues() {
		v.messages[queue] = u.SQS.Stats(queue).Total()
	}
	return v, nil
}

// compare adds what the cache says.
func (u *users) compare(ctx context.Context, v *view) error {
	for _, id := range v.ids {
		cached, ok, err := u.cache.Get(ctx, id)
		if err != nil {
			return fmt.Errorf("read cached job: %w", err)
		}
		if ok {
			v.cached[id] = cached
		}
	}
	return nil
}

// count tells how many jobs are READY, and how many of those asleep.
func (v view) count() (ready, asleep int) {
	for _, j := range v.rows {
		if j.Status == job.Ready {
			ready++
		}
		if j.SandboxPaused {
			asleep++
		}
	}
	return ready, asleep
}

// promises are the rows that tell whether every job came to what it must.
func (v view) promises() []row {
	var ready, asleep, agree, one, turns []string
	for _, id := range v.ids {
		j, cached, own := v.rows[id], v.cached[id], v.sandboxes[id]
		say := func(list *[]string, format string, args ...any) {
			*list = append(*list, fmt.Sprintf("job %s ", id)+fmt.Sprintf(format, args...))
		}
		if j.Status != job.Ready {
			say(&ready, "is %q at turn %d (%s): look for its job_id in the log", j.Status, j.Turn, j.ErrorMessage)
		}
		if j.Crashes > 0 {
			say(&turns, "lost %d turns: look for its job_id and for killed processes", j.Crashes)
		}
		if len(own) != 1 || own[0].ID != j.SandboxID {
			say(&one, "has %d sandboxes, its row says %q", len(own), j.SandboxID)
			continue
		}
		if own[0].State != e2bsim.StatePaused {
			say(&asleep, "has a sandbox that is %s: look for its sandbox_id in the log of pause", own[0].State)
		}
		truth := own[0].State == e2bsim.StatePaused
		if j.SandboxPaused != truth || cached.SandboxPaused != truth || cached.Revision != j.Revision {
			say(&agree, "is paused: %t in the row (revision %d), %t in the cache (revision %d), %t at E2B",
				j.SandboxPaused, j.Revision, cached.SandboxPaused, cached.Revision, truth)
		}
	}
	for id, own := range v.sandboxes {
		if _, ok := v.rows[id]; !ok {
			one = append(one, fmt.Sprintf("sandbox %s belongs to no job", own[0].ID))
		}
	}
	rows := []row{
		all("jobs READY", len(v.ids), ready), all("sandboxes asleep", len(v.ids), asleep),
		all("jobs with exactly one sandbox", len(v.ids), one),
		all("jobs of which row, cache and E2B say the same", len(v.ids), agree), none("jobs that lost a turn", turns),
	}
	for _, queue := range slices.Sorted(maps.Keys(v.messages)) {
		rows = append(rows, most("messages in "+queue, int64(v.messages[queue]), 0, "nobody took them, or they come again and again: look for errors in the log"))
	}
	return rows
}

// ends are the times from a moment until all were READY, and asleep. The
// machine's clock is also the database's and the simulator's.
func (v view) ends(began time.Time) (ready, asleep time.Duration) {
	for _, j := range v.rows {
		ready, asleep = max(ready, j.CompletedAt.Sub(began)), max(asleep, j.PausedAt.Sub(began))
	}
	return ready, asleep
}

// times are the rows about what that took and cost.
func (v view) times(began time.Time) []row {
	var idle, billed sample
	for id, own := range v.sandboxes {
		for _, sandbox := range own {
			if sandbox.State == e2bsim.StatePaused {
				idle.add(sandbox.EndAt.Sub(v.rows[id].CompletedAt))
				billed.add(time.Duration(sandbox.Bill.Seconds * float64(time.Second)))
			}
		}
	}
	ready, asleep := v.ends(began)
	return []row{
		fact("time to all READY", "%.1f s", ready.Seconds()),
		fact("time to all asleep", "%.1f s", asleep.Seconds()),
		fact("jobs per second", "%.2f", float64(len(v.ids))/max(asleep, time.Millisecond).Seconds()),
		fact("sandbox time billed, whole", "%s", billed),
		fact("sandbox time billed after READY", "%s", idle),
	}
}
