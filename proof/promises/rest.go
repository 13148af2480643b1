package promises

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// Rest is what may be so although a system has come to rest.
type Rest struct {
	Awake       bool // a preview may run, until it is due
	Uncached    bool // a job may be missing in the cache
	DeadLetters bool // messages that can never be handled may have been put aside
}

// Unrest tells what a view, with the cache in it, has still to come to rest:
// unfinished jobs, sandboxes that run, messages, and rows, cache and simulator
// that differ.
func (v View) Unrest(r Rest) (broken []Broken) {
	l := (*list)(&broken)
	if v.Moving > 0 {
		l.add(Ends, "%d jobs are changing", v.Moving)
	}
	for _, queue := range slices.Sorted(maps.Keys(v.Messages)) {
		if r.DeadLetters && strings.HasSuffix(queue, "DeadLetters") {
			continue
		}
		for _, m := range v.Messages[queue] {
			l.add(Handled, "%s holds %s", queue, m.Body)
		}
	}
	for _, sandbox := range v.Sandboxes {
		j, known := v.owner(sandbox)
		if sandbox.State != e2bsim.StateGone && (!known || !has(j) || j.SandboxID != sandbox.ID || j.Status != job.Ready) {
			l.add(Alone, "sandbox %s is %s and no job has it", sandbox.ID, sandbox.State)
		}
	}
	for _, j := range v.Jobs {
		if !j.Status.Terminal() {
			l.add(Ends, "job %s is %s", j.ID, j.Status)
		}
		if !j.DeletedAt.IsZero() && j.Kept() {
			l.add(Ends, "job %s is deleted, and its code is kept", j.ID)
		}
		state := v.state(j)
		switch {
		case !agrees(j, state):
			l.add(Agree, "job %s (%s) says its sandbox is %s, it is %q", j.ID, j.Status, j.SandboxState, state)
		case has(j) && state == e2bsim.StateRunning && !(r.Awake && j.PauseDueAt.After(j.ReadAt)):
			l.add(Asleep, "job %s has a sandbox that is %s, due in %v: look for its sandbox_id in the log of pause", j.ID, state, j.PauseDueAt.Sub(j.ReadAt))
		}
	}
	return append(broken, v.Behind(r)...)
}

// Behind tells where the cache is not as the rows are. Reconcile repeats a write
// that the cache did not take.
func (v View) Behind(r Rest) (broken []Broken) {
	l := (*list)(&broken)
	if v.Unread != nil {
		l.add(Agree, "the cache cannot be read: %v", v.Unread)
		return broken
	}
	for _, j := range v.Jobs {
		cached := v.Cached[j.ID]
		if len(cached) == 0 {
			if !r.Uncached {
				l.add(Agree, "job %s is not in the cache", j.ID)
			}
			continue
		}
		fields := visible(j)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if cached[name] != fields[name] {
				l.add(Agree, "job %s has %s %q in the cache, want %q", j.ID, name, cached[name], fields[name])
			}
		}
	}
	return broken
}

// agrees reports whether a row at rest and the truth about its sandbox are the
// same.
func agrees(j job.Job, state e2bsim.State) bool {
	switch j.SandboxState {
	case job.SandboxNone:
		return j.SandboxID == ""
	case job.SandboxRunning:
		return j.Status == job.Ready && state == e2bsim.StateRunning
	case job.SandboxPaused:
		return j.Status == job.Ready && state == e2bsim.StatePaused && j.SandboxPaused
	case job.SandboxMoved:
		return true // its owner tells
	case job.SandboxGone:
		return state == e2bsim.StateGone
	default:
		return false
	}
}

// visible are the fields of the cache that tell where a job is.
func visible(j job.Job) map[string]string {
	fields := map[string]string{
		"status": string(j.Status), "revision": fmt.Sprint(j.Revision), "user_id": j.UserID,
		"sandbox_state": string(j.SandboxState), "sandbox_paused": fmt.Sprint(j.SandboxPaused),
		"error_message": j.ErrorMessage, "debug_id": j.DebugID, "sandbox_id": "", "preview_url": "", "build_version": "",
	}
	if !j.DeletedAt.IsZero() {
		fields["user_id"] = ""
	}
	if j.Status == job.Ready {
		fields["sandbox_id"], fields["preview_url"], fields["build_version"] = j.SandboxID, j.PreviewURL, j.BuildVersion
	}
	return fields
}
