package promises

import (
	"errors"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/sqssim"
	"siesta/shared/job"
)

// atRest is a system with one job, which sleeps.
func atRest() *View {
	now := time.Now()
	j := job.Job{ID: "a", Status: job.Ready, SandboxID: "s", SandboxState: job.SandboxPaused, SandboxPaused: true, Revision: 7, ReadAt: now, PauseDueAt: now}
	return &View{
		Jobs: []job.Job{j}, Now: now, Cached: map[string]map[string]string{"a": visible(j)}, Messages: map[string][]sqssim.Message{},
		Sandboxes: []e2bsim.Info{{ID: "s", State: e2bsim.StatePaused, Metadata: job.Tags("", "a", 1), CreatedAt: now, StartedAt: now}},
	}
}

// running is the same, awake and due in a minute.
func running() *View {
	v := atRest()
	j := &v.Jobs[0]
	j.SandboxState, j.SandboxPaused, j.PauseDueAt = job.SandboxRunning, false, j.ReadAt.Add(time.Minute)
	v.Sandboxes[0].State, v.Cached["a"] = e2bsim.StateRunning, visible(*j)
	return v
}

func (v *View) all(m Meddled, r Rest) string {
	return strings.Join(Texts(append(append(v.Never(m), v.Overdue(Overrun)...), v.Unrest(r)...)), "\n")
}

// TestWhatHoldsIsNotTold: neither at rest nor of what is allowed.
func TestWhatHoldsIsNotTold(t *testing.T) {
	s := map[string]bool{"s": true}
	for name, c := range map[string]struct {
		view   *View
		change func(v *View)
		m      Meddled
		r      Rest
	}{
		"at rest":      {atRest(), func(*View) {}, Meddled{}, Rest{}},
		"awake":        {running(), func(*View) {}, Meddled{}, Rest{Awake: true}},
		"uncached":     {atRest(), func(v *View) { delete(v.Cached, "a") }, Meddled{}, Rest{Uncached: true}},
		"dead letters": {atRest(), func(v *View) { v.Messages["BuildDeadLetters"] = make([]sqssim.Message, 1) }, Meddled{}, Rest{DeadLetters: true}},
	} {
		c.change(c.view)
		if told := c.view.all(c.m, c.r); told != "" {
			t.Errorf("%s: told is\n%s", name, told)
		}
	}
	for name, c := range map[string]struct {
		view  *View
		state e2bsim.State
		m     Meddled
	}{
		"woken": {atRest(), e2bsim.StateRunning, Meddled{Woken: s}}, "lost": {atRest(), e2bsim.StateGone, Meddled{Lost: s}},
		"timed out": {running(), e2bsim.StatePaused, Meddled{TimedOut: true}},
	} {
		c.view.Sandboxes[0].State = c.state
		if broken := c.view.Never(c.m); len(broken) > 0 {
			t.Errorf("%s: told is %v", name, broken)
		}
		if broken := c.view.Never(Meddled{}); len(broken) == 0 {
			t.Errorf("not %s: nothing is told", name)
		}
	}
}

// TestWhatIsDeletedIsAboutToGo: the row of a version says so before E2B is told, and the
// one that it took the sandbox from may be deleted already.
func TestWhatIsDeletedIsAboutToGo(t *testing.T) {
	v := atRest()
	gone := v.Jobs[0]
	gone.SandboxState, gone.SandboxPaused, gone.DeletedAt = job.SandboxGone, false, v.Now
	moved := gone
	moved.ID, moved.SandboxState = "b", job.SandboxMoved
	v.Jobs = []job.Job{gone, moved}
	if broken := v.Never(Meddled{}); len(broken) > 0 {
		t.Errorf("told is %v", broken)
	}
}

// TestWhatIsBrokenIsTold: each of the ways in which a promise can be broken.
func TestWhatIsBrokenIsTold(t *testing.T) {
	for want, spoil := range map[string]func(*View) *View{
		"job a has 2 sandboxes": func(v *View) *View {
			v.Sandboxes = append(v.Sandboxes, e2bsim.Info{ID: "t", State: e2bsim.StateKilling, Metadata: v.Sandboxes[0].Metadata})
			return v
		},
		"sandbox s has 2 jobs": func(v *View) *View {
			twin := v.Jobs[0]
			twin.ID = "b"
			v.Jobs = append(v.Jobs, twin)
			return v
		},
		"the sandbox s of job a has moved to nobody": func(v *View) *View {
			v.Jobs[0].SandboxState, v.Jobs[0].SandboxPaused = job.SandboxMoved, false
			return v
		},
		"job a says paused, its sandbox s is running": func(v *View) *View { v.Sandboxes[0].State = e2bsim.StateRunning; return v },
		"job a says paused, its sandbox s is gone":    func(v *View) *View { v.Sandboxes[0].State = e2bsim.StateGone; return v },
		"job a says running, its sandbox s is paused": func(*View) *View { v := running(); v.Sandboxes[0].State = e2bsim.StatePaused; return v },
		"sandbox s runs": func(*View) *View {
			v := running()
			v.Now, v.Jobs[0].ReadAt = v.Now.Add(time.Hour), v.Now.Add(time.Hour)
			return v
		},
		"sandbox t runs": func(v *View) *View {
			v.Sandboxes = append(v.Sandboxes, e2bsim.Info{ID: "t", State: e2bsim.StateRunning, CreatedAt: v.Now.Add(-time.Hour)})
			return v
		},
		"job a has a sandbox that is running": func(*View) *View { return running() },
		"sandbox t is paused and no job has it": func(v *View) *View {
			v.Sandboxes = append(v.Sandboxes, e2bsim.Info{ID: "t", State: e2bsim.StatePaused})
			return v
		},
		"1 jobs are changing":    func(v *View) *View { v.Moving = 1; return v },
		"PauseQueue holds {}":    func(v *View) *View { v.Messages["PauseQueue"] = []sqssim.Message{{Body: "{}"}}; return v },
		"BuildDeadLetters holds": func(v *View) *View { v.Messages["BuildDeadLetters"] = make([]sqssim.Message, 1); return v },
		"job a is deleted": func(v *View) *View {
			v.Jobs[0].DeletedAt, v.Jobs[0].SourceKey = v.Now, "code"
			return v
		},
		"job a is checks":                  func(v *View) *View { v.Jobs[0].Status = job.Checks; return v },
		"it is \"\"":                       func(v *View) *View { v.Jobs[0].SandboxID = "z"; return v },
		"job a is not in the cache":        func(v *View) *View { delete(v.Cached, "a"); return v },
		"revision \"6\" in the cache":      func(v *View) *View { v.Cached["a"]["revision"] = "6"; return v },
		"sandbox_paused \"\" in the cache": func(v *View) *View { delete(v.Cached["a"], "sandbox_paused"); return v },
		"the cache cannot be read":         func(v *View) *View { v.Unread = errors.New("refused"); return v },
	} {
		if told := spoil(atRest()).all(Meddled{}, Rest{}); !strings.Contains(told, want) {
			t.Errorf("told is\n%s\nwant %q in it", told, want)
		}
	}
}
