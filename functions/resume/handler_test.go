package main

import (
	"net/http"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

func TestAPausedPreviewIsBroughtBack(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.Pass(time.Hour)
	got := b.resumeJob(j)
	b.want(got, http.StatusOK)
	row := b.wantRow(j.ID, job.SandboxRunning)
	for key, want := range map[string]any{
		"job_id": j.ID, "preview_url": j.PreviewURL, "sandbox_id": j.SandboxID, "sandbox_paused": false, "status": "ready",
		"sandbox_expires_at": row.SandboxExpiresAt.UTC().Format(time.RFC3339),
	} {
		if got.body[key] != want {
			t.Errorf("%s is %v, want %v", key, got.body[key], want)
		}
	}
	if !b.waker.E2B.Probe(t.Context(), j.PreviewURL).Ready() {
		t.Error("the preview does not answer")
	}
	if row.Epoch != j.Epoch+1 || row.MarkerEpoch != row.Epoch || !row.OpUntil.IsZero() {
		t.Errorf("got epoch %d, marker %d, op until %v", row.Epoch, row.MarkerEpoch, row.OpUntil)
	}
	if due := row.PauseDueAt.Sub(row.ReadAt); due < awake-10*time.Second || due > awake {
		t.Errorf("due in %v, want %v", due, awake)
	}
	if marker, err := b.Inside(j).ReadMarker(t.Context()); marker != row.Epoch || err != nil {
		t.Errorf("marker is %d, %v; want %d", marker, err, row.Epoch)
	}
	b.wantPause(row, awake)
	info, _ := b.E2B.Sandbox(j.SandboxID)
	if left := info.EndAt.Sub(b.E2B.Now()); left < awake+12*time.Minute {
		t.Errorf("E2B ends it in %v, before the pause is sure to have come", left)
	}
	if info.EndAt.Add(time.Hour).Before(row.SandboxExpiresAt) {
		t.Errorf("row says it ends at %v, E2B at %v", row.SandboxExpiresAt, info.EndAt)
	}
}

// An app below a path of its own is looked for there: its root may never answer.
func TestAPreviewIsLookedForAtItsPath(t *testing.T) {
	b := setup(t)
	j := b.ready(app{plan: job.Plan{Port: port, Start: "mkdir site; for f in index.html docs; do echo hello >site/$f; done; echo -1 >site/index.html.status; exec {self} site"}})
	j = b.Set(j.ID, "preview_url = preview_url || '/docs'")
	got := b.resumeJob(b.pause(j))
	b.want(got, http.StatusOK)
	if got.body["preview_url"] != b.waker.E2B.PreviewURL(j.SandboxID, port)+"/docs" {
		t.Errorf("the preview is at %v", got.body["preview_url"])
	}
}

func TestARunningPreviewIsLeftAlone(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	first := b.resumeJob(j)
	before := b.Calls(e2bsim.Connect)
	revision := b.Row(j.ID).Revision
	second := b.resumeJob(j)
	b.want(second, http.StatusOK)
	if second.body["sandbox_expires_at"] != first.body["sandbox_expires_at"] || b.Calls(e2bsim.Connect) != before || b.Row(j.ID).Revision != revision {
		t.Errorf("a running preview was touched: %v, then %v", first.body, second.body)
	}
	b.Pass(awake - job.DueMargin)
	b.want(b.resumeJob(j), http.StatusOK)
	if row := b.Row(j.ID); b.Calls(e2bsim.Connect) != before+1 || row.PauseDueAt.Sub(row.ReadAt) < awake/2 {
		t.Errorf("a preview that is about to sleep was not kept awake: due in %v", row.PauseDueAt.Sub(row.ReadAt))
	}
}

// Its pause is far off, but E2B ends it before.
func TestAPreviewThatEndsSoonIsKeptAwake(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.want(b.resumeJob(j), http.StatusOK)
	_, err := b.Pool.Exec(t.Context(), `UPDATE jobs SET sandbox_expires_at = now() + interval '10 seconds' WHERE id = $1::uuid`, j.ID)
	b.OK(err)
	b.want(b.resumeJob(j), http.StatusOK)
	if row := b.Row(j.ID); row.SandboxExpiresAt.Sub(row.ReadAt) < awake {
		t.Errorf("it ends in %v", row.SandboxExpiresAt.Sub(row.ReadAt))
	}
}

// E2B extends no run past its plan's longest, and its answer does not say so.
func TestTheEndOfALongRunIsTold(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.want(b.resumeJob(j), http.StatusOK)
	info, err := b.waker.E2B.Get(t.Context(), j.SandboxID)
	b.OK(err)
	const longest = awake + job.WakeMargin/2
	b.E2B.SetPlan(e2bsim.Plan{MaxRun: longest})
	_, err = b.Pool.Exec(t.Context(), `UPDATE jobs SET pause_due_at = now() WHERE id = $1::uuid`, j.ID)
	b.OK(err)
	b.want(b.resumeJob(j), http.StatusOK)
	if row := b.Row(j.ID); row.SandboxExpiresAt.After(info.StartedAt.Add(longest + time.Second)) {
		t.Errorf("row says that it ends at %v, want %v after its start at %v", row.SandboxExpiresAt, longest, info.StartedAt)
	}
}

// What E2B tells of a run is waited for briefly, and believed only of this run.
func TestTheEndOfARunIsNoReasonToFail(t *testing.T) {
	for name, fault := range map[string]e2bsim.Fault{
		"slow":  {Call: e2bsim.Get, Action: e2bsim.Delay, Delay: time.Minute},
		"older": {Call: e2bsim.Get, Action: e2bsim.Lag, Lag: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.paused(greeter)
			b.Pass(2 * time.Minute)
			b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.AnswerLost})
			b.want(b.resumeJob(j), http.StatusAccepted) // it runs, and nobody knows
			b.Fault(fault)
			begun := time.Now()
			b.want(b.resumeJob(j), http.StatusOK)
			if took := time.Since(begun); took > 15*time.Second {
				t.Errorf("took %v", took)
			}
			if row := b.Row(j.ID); row.SandboxExpiresAt.Sub(row.ReadAt) < awake {
				t.Errorf("it ends in %v, before its pause is due", row.SandboxExpiresAt.Sub(row.ReadAt))
			}
		})
	}
}

func TestWhoMayResumeWhat(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	building := b.Accept(functiontest.NewJob())
	for name, c := range map[string]struct {
		user, id string
		want     int
	}{
		"nobody":             {"", j.ID, http.StatusUnauthorized},
		"another user":       {"user_bob", j.ID, http.StatusNotFound},
		"no such job":        {alice, job.NewID(), http.StatusNotFound},
		"no id":              {alice, "latest", http.StatusNotFound},
		"a job that is new":  {alice, building.ID, http.StatusUnprocessableEntity},
		"another's new job":  {"user_bob", building.ID, http.StatusNotFound},
		"an upper-case id":   {alice, j.ID[:8] + "-0000-4000-8000-000000000000", http.StatusNotFound},
		"an id out of a URL": {alice, "../" + j.ID, http.StatusNotFound},
	} {
		if got := b.call(c.user, c.id); got.status != c.want {
			t.Errorf("%s: got %d %v, want %d", name, got.status, got.body, c.want)
		}
	}
	if b.Row(j.ID).Revision != j.Revision || b.Calls(e2bsim.Connect) > 0 {
		t.Error("a call that was turned away changed something")
	}
}

// A copy of the database names sandboxes that are the original's to wake.
func TestAnotherStacksSandboxIsUnreachable(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	if _, err := b.Pool.Exec(t.Context(), `UPDATE jobs SET sandbox_stack = 'another' WHERE id = $1::uuid`, j.ID); err != nil {
		t.Fatal(err)
	}
	got := b.resumeJob(j)
	b.want(got, http.StatusServiceUnavailable)
	if got.errorType() != "sandbox_unreachable" || b.Calls(e2bsim.Connect) > 0 {
		t.Errorf("got %v, %d connects", got.body, b.Calls(e2bsim.Connect))
	}
}

func TestAGoneSandboxIsExpired(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.Must(b.Rows.RecordRolledBack(t.Context(), b.Must(b.Rows.TakeResume(t.Context(), j, jobs.Wake{Time: 10 * time.Minute}))))
	got := b.resumeJob(j)
	b.want(got, http.StatusServiceUnavailable)
	if got.errorType() != "sandbox_expired" || b.Calls(e2bsim.Connect) > 0 {
		t.Errorf("got %v after %d connects", got.body, b.Calls(e2bsim.Connect))
	}
}

func TestAPauseUnderWayIsWaitedFor(t *testing.T) {
	b := setup(t)
	j := b.ready(greeter)
	taken := b.Must(b.Rows.TakePause(t.Context(), j.ID, j.Epoch))
	got := b.resumeJob(j)
	b.want(got, http.StatusAccepted)
	if got.retryAfter != "2" || got.body["status"] != "resuming" || b.Row(j.ID).Revision != taken.Revision {
		t.Errorf("got %v, Retry-After %q", got.body, got.retryAfter)
	}
	// Its worker died: the pause has no owner any more.
	b.Pass(job.OpTime + time.Second)
	b.want(b.resumeJob(j), http.StatusOK)
	if row := b.wantRow(j.ID, job.SandboxRunning); row.Epoch != j.Epoch+1 {
		t.Errorf("got epoch %d: the late pause could still put it to sleep", row.Epoch)
	}
}
