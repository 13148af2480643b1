package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/promises"
	"siesta/shared/job"
)

// view is the system, and the jobs that must be in it.
type view struct {
	promises.View
	ids []string
}

func (u *users) look(ctx context.Context) (view, error) {
	u.mu.Lock()
	ids := slices.Clone(u.ids)
	u.mu.Unlock()
	v, err := u.checker.Look(ctx)
	return view{View: v, ids: ids}, err
}

// count tells how many jobs are READY, and how many of those asleep.
func (v view) count() (ready, asleep int) {
	for _, j := range v.Jobs {
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
	broken := map[promises.Promise][]string{}
	for _, b := range slices.Concat(v.Never(promises.Meddled{}), v.Unrest(promises.Rest{})) {
		broken[b.Promise] = append(broken[b.Promise], b.Text)
	}
	ready, lost, turns := v.unfinished()
	rows := []row{
		all("jobs READY", len(v.ids), ready), all("sandboxes asleep", len(v.ids), broken[promises.Asleep]),
		all("jobs with exactly one sandbox", len(v.ids), append(broken[promises.Alone], lost...)),
		all("jobs of which row, cache and E2B say the same", len(v.ids), broken[promises.Agree]), none("jobs that lost a turn", turns),
	}
	for _, queue := range slices.Sorted(maps.Keys(v.Messages)) {
		rows = append(rows, most("messages in "+queue, int64(len(v.Messages[queue])), 0, "nobody took them, or they come again and again: look for errors in the log"))
	}
	return rows
}

// unfinished tells of jobs that are not READY, of those that are and have lost
// their sandbox, and of those that lost a turn. None of it breaks a promise by
// itself, but nothing in this load is a reason for it.
func (v view) unfinished() (ready, lost, turns []string) {
	jobs := map[string]job.Job{}
	for _, j := range v.Jobs {
		jobs[j.ID] = j
	}
	for _, id := range v.ids {
		j := jobs[id]
		if j.Status != job.Ready {
			ready = append(ready, fmt.Sprintf("job %s is %q at turn %d (%s): look for its job_id in the log", id, j.Status, j.Turn, j.ErrorMessage))
		}
		if j.Status == job.Ready && (j.SandboxID == "" || j.SandboxState == job.SandboxGone) {
			lost = append(lost, fmt.Sprintf("job %s is READY and its sandbox %q is %s: look for its job_id in the log of reconcile", id, j.SandboxID, j.SandboxState))
		}
		if j.Crashes > 0 {
			turns = append(turns, fmt.Sprintf("job %s lost %d turns: look for its job_id and for killed processes", id, j.Crashes))
		}
	}
	return ready, lost, turns
}

// ends are the times from a moment until all were READY, and asleep. The
// machine's clock is also the database's and the simulator's.
func (v view) ends(began time.Time) (ready, asleep time.Duration) {
	for _, j := range v.Jobs {
		ready, asleep = max(ready, j.CompletedAt.Sub(began)), max(asleep, j.PausedAt.Sub(began))
	}
	return ready, asleep
}

// times are the rows about what that took and cost.
func (v view) times(began time.Time) []row {
	completed := map[string]time.Time{} // by sandbox
	for _, j := range v.Jobs {
		completed[j.SandboxID] = j.CompletedAt
	}
	var idle, billed sample
	for _, sandbox := range v.Sandboxes {
		if sandbox.State == e2bsim.StatePaused {
			idle.add(sandbox.EndAt.Sub(completed[sandbox.ID]))
			billed.add(time.Duration(sandbox.Bill.Seconds * float64(time.Second)))
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
