package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"siesta/local/e2bsim"
	"siesta/proof/promises"
	"siesta/shared/job"
)

// alive are the sandboxes that E2B still has.
func alive(v promises.View) map[string]bool {
	there := map[string]bool{}
	for _, s := range v.Sandboxes {
		there[s.ID] = s.State != e2bsim.StateGone && s.State != e2bsim.StateKilling
	}
	return there
}

// dead tells which versions and builds claim a sandbox that was killed: here E2B
// loses none. And which versions nobody gives theirs back.
func dead(rows map[string]row, there map[string]bool) (told []string) {
	for _, r := range rows {
		if to := rows[r.MovedTo]; r.SandboxState == job.SandboxMoved && r.DeletedAt.IsZero() && to.Status == job.Failed {
			told = append(told, fmt.Sprintf("the sandbox of job %s was taken by job %s, which failed and did not give it back", r.ID, to.ID))
		}
		if r.has() && r.Status != job.Failed && !there[r.SandboxID] {
			told = append(told, fmt.Sprintf("the sandbox %s of job %s (%s, %s) was killed", r.SandboxID, r.ID, r.Status, r.SandboxState))
		}
	}
	slices.Sort(told)
	return told
}

// changedBack is why the migration's way back ends an iteration that is in flight.
const changedBack = "The service was changed back during this build. Please try again."

// wayBack is what the migration's way back gave up.
type wayBack struct {
	ended    map[string]bool // iterations in flight
	previews map[string]bool // versions whose sandbox an iteration had
}

// wentBack tells what the way back has given up. What had been given up before it is
// with that, since the way back takes along what says so.
func wentBack(before, after map[string]row) wayBack {
	back := wayBack{ended: map[string]bool{}, previews: gaveUp(before)}
	for id, r := range before {
		if r.SandboxState == job.SandboxMoved && after[id].SandboxState == job.SandboxNone {
			back.previews[id] = true
		}
		if r.taking() {
			back.ended[id] = true
		}
	}
	return back
}

// gaveUp are the versions whose sandbox went with a later one, which had it and was
// deleted.
func gaveUp(rows map[string]row) map[string]bool {
	gone := map[string]bool{}
	for _, r := range rows {
		if !r.DeletedAt.IsZero() && r.TakenFrom != "" {
			gone[r.TakenFrom] = true
		}
	}
	return gone
}

// verdict tells which of the jobs that were accepted came to something else than
// they should.
func verdict(all map[string]*made, rows map[string]row, back wayBack) (told []string) {
	went := gaveUp(rows)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		m, r := all[id], rows[id]
		add := func(format string, args ...any) { told = append(told, "job "+id+" "+fmt.Sprintf(format, args...)) }
		switch {
		case r.ID == "":
			add("was accepted, and there is no row of it")
		case m.deleted:
			if r.DeletedAt.IsZero() {
				add("was deleted, and is there")
			}
		case r.unfinished():
			add("is %s in the end", r.Status)
		case r.Status == job.Failed && !explained(m, r, all[m.from]) && !(back.ended[id] && r.ErrorMessage == changedBack):
			add("failed: %q", r.ErrorMessage)
		case r.Status == job.Ready && m.breaks:
			add("is READY, and its check fails")
		case r.Status == job.Ready && (r.SandboxState == job.SandboxNone || r.SandboxState == job.SandboxGone) && !back.previews[id] && !went[id]:
			add("is READY, and its preview is %s", r.SandboxState)
		}
	}
	return told
}

// explained reports whether a job failed for a reason that it has.
func explained(m *made, r row, from *made) bool {
	switch {
	case from != nil && from.deleted && strings.Contains(r.ErrorMessage, "no longer kept"):
		return true
	case m.cancelled && r.ErrorMessage == "Cancelled by user":
		return true
	case m.breaks && strings.Contains(r.ErrorMessage, "check"):
		return true
	default:
		return false
	}
}

// summary says in one line where jobs are.
func summary(rows map[string]row) string {
	n := map[string]int{}
	for _, r := range rows {
		what := fmt.Sprintf("%s %s", r.Status, r.SandboxState)
		switch {
		case !r.DeletedAt.IsZero():
			what = "deleted"
		case r.unfinished() && r.TakenFrom != "":
			what = fmt.Sprintf("%s, changing a version", r.Status)
		case r.Status == job.Failed:
			what = fmt.Sprintf("failed (%s)", r.ErrorMessage)
		}
		n[what]++
	}
	var all []string
	for _, what := range slices.Sorted(maps.Keys(n)) {
		all = append(all, fmt.Sprintf("%d %s", n[what], what))
	}
	return fmt.Sprintf("%d jobs: %s", len(rows), strings.Join(all, "; "))
}

func values(rows map[string]row) []row { return slices.Collect(maps.Values(rows)) }

func index(rows []row) map[string]row {
	byID := map[string]row{}
	for _, r := range rows {
		byID[r.ID] = r
	}
	return byID
}
