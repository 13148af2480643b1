package systemtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// checkPromises returns when the system is at rest and keeps every promise of
// the project, and fails the test if that does not come about. What must never
// be, not even for a moment, fails it at once.
func checkPromises(t *testing.T, s *system) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		v := s.look(t)
		if never := v.never(); len(never) > 0 {
			t.Fatalf("must never be:\n%s", strings.Join(never, "\n"))
		}
		broken, behind := v.atRest(s)
		if len(broken)+len(behind) == 0 {
			return
		}
		if len(broken) == 0 { // a write that the cache did not take in time is reconcile's to repeat
			s.reconcile()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the system came to rest without its promises:\n%s", strings.Join(append(broken, behind...), "\n"))
		}
	}
}

// view is the whole system at one moment. jobs are only those that were the
// same before and after the rest was looked at.
type view struct {
	jobs      map[string]job.Job
	moving    int // jobs that changed meanwhile
	sandboxes []e2bsim.Info
	cached    map[string]map[string]string
}

func (s *system) look(t *testing.T) view {
	t.Helper()
	v := view{jobs: s.jobs(t), cached: map[string]map[string]string{}}
	for id := range v.jobs {
		hash, err := s.redis.HGetAll(s.t.Context(), "job:"+id).Result()
		if err != nil {
			t.Fatalf("read cache: %v", err)
		}
		v.cached[id] = hash
	}
	v.sandboxes = s.E2B.Sandboxes()
	after := s.jobs(t)
	for id, j := range after {
		if v.jobs[id].Revision != j.Revision {
			delete(v.jobs, id)
			v.moving++
		}
	}
	return v
}

// never lists what must not be at any moment, whatever has crashed.
func (v view) never() (broken []string) {
	live := map[string][]string{}
	for _, box := range v.sandboxes {
		if box.State != e2bsim.StateGone && box.State != e2bsim.StateKilling {
			live[box.Metadata[job.TagJob]] = append(live[box.Metadata[job.TagJob]], box.ID)
		}
		for _, j := range v.jobs {
			if j.SandboxID == box.ID && j.SandboxPaused && box.State != e2bsim.StatePaused {
				broken = append(broken, fmt.Sprintf("job %s says paused, its sandbox %s is %s", j.ID, box.ID, box.State))
			}
		}
	}
	for id, boxes := range live {
		if len(boxes) > 1 {
			broken = append(broken, fmt.Sprintf("job %s has %d sandboxes: %v", id, len(boxes), boxes))
		}
	}
	return broken
}

// atRest lists what is not so yet, and where the cache is behind.
func (v view) atRest(s *system) (broken, behind []string) {
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	if v.moving > 0 {
		say("%d jobs are changing", v.moving)
	}
	for _, queue := range []string{"BuildQueue", "PauseQueue"} {
		if n := s.SQS.Stats(queue); n.Total() > 0 {
			say("%s holds %+v", queue, n)
		}
	}
	boxes := map[string]e2bsim.Info{}
	for _, box := range v.sandboxes {
		boxes[box.ID] = box
		j, known := v.jobs[box.Metadata[job.TagJob]]
		if box.State != e2bsim.StateGone && box.State != e2bsim.StatePaused && (!known || j.SandboxID != box.ID) {
			say("sandbox %s is %s and no job has it", box.ID, box.State)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(v.jobs)) {
		j := v.jobs[id]
		if !j.Status.Terminal() {
			say("job %s is %s", id, j.Status)
		}
		if reality := boxes[j.SandboxID].State; !agrees(j, reality) {
			say("job %s (%s) says its sandbox is %s, due %v; it is %q", id, j.Status, j.SandboxState, j.PauseDueAt.Sub(j.ReadAt), reality)
		}
		if hash := v.cached[id]; len(hash) > 0 {
			for name, want := range visible(j) {
				if hash[name] != want {
					behind = append(behind, fmt.Sprintf("job %s has %s %q in the cache, want %q", id, name, hash[name], want))
				}
			}
		}
	}
	return broken, behind
}

// agrees reports whether a row at rest and the truth about its sandbox are the
// same, and nothing runs past its due time.
func agrees(j job.Job, reality e2bsim.State) bool {
	switch j.SandboxState {
	case job.SandboxNone:
		return j.SandboxID == ""
	case job.SandboxRunning:
		return j.Status == job.Ready && reality == e2bsim.StateRunning && j.PauseDueAt.After(j.ReadAt)
	case job.SandboxPaused:
		return j.Status == job.Ready && reality == e2bsim.StatePaused
	case job.SandboxGone:
		return reality == e2bsim.StateGone
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
	if j.Status == job.Ready {
		fields["sandbox_id"], fields["preview_url"], fields["build_version"] = j.SandboxID, j.PreviewURL, j.BuildVersion
	}
	return fields
}
