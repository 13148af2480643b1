package main

import (
	"net/http"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/metrics"
)

// 200 means that the preview answers: a row that says so is not enough.
func TestARunningPreviewThatIsDeadIsBroughtBack(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.want(b.resumeJob(j), http.StatusOK)
	b.OK(b.Inside(j).StopStep(t.Context(), envd.StepDir(j.ID, j.CreateNo, "start")))
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.page(j); got != "hello" {
		t.Errorf("the app says %q", got)
	}
}

func TestARunningPreviewThatIsLostIsNotSaidToRun(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.want(b.resumeJob(j), http.StatusOK)
	b.OK(b.E2B.Vanish(t.Context(), j.SandboxID))
	got := b.resumeJob(j)
	b.want(got, http.StatusServiceUnavailable)
	if row := b.Row(j.ID); got.errorType() != "sandbox_unreachable" || row.MissingSince.IsZero() || row.SandboxState == job.SandboxRunning {
		t.Errorf("got %v; the row says %s, missing since %v", got.body, row.SandboxState, row.MissingSince)
	}
}

// An app that is up and fails by itself is up.
func TestARunningPreviewThatFailsByItselfIsLeftAlone(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.want(b.resumeJob(j), http.StatusOK)
	before := b.Calls(e2bsim.Connect)
	b.Run(j, "echo 500 >project/status")
	b.want(b.resumeJob(j), http.StatusOK)
	if b.Calls(e2bsim.Connect) != before {
		t.Error("it was woken again")
	}
}

// due is in how long a job's preview is due to sleep.
func (b *fixture) due(j job.Job) time.Duration {
	b.T.Helper()
	row := b.Row(j.ID)
	return row.PauseDueAt.Sub(row.ReadAt)
}

func TestAPreviewIsKeptAwakeWhileSomebodyLooks(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.want(b.resumeJob(j), http.StatusOK)
	b.Pass(awake/2 - time.Minute)
	before := b.Row(j.ID)
	first := b.send(j, `{"prolong": true}`)
	b.want(first, http.StatusOK)
	if row := b.Row(j.ID); row.Revision != before.Revision || first.body["awake_until"] != row.PauseDueAt.UTC().Format(time.RFC3339) {
		t.Errorf("more than half of its time is left, and it was touched: awake until %v", first.body["awake_until"])
	}
	b.Pass(2 * time.Minute)
	b.want(b.resumeJob(j), http.StatusOK)
	if left := b.due(j); left > awake/2 {
		t.Errorf("without a wish for it, it is due in %v", left)
	}
	second := b.send(j, `{"prolong": true}`)
	b.want(second, http.StatusOK)
	row := b.Row(j.ID)
	if left := b.due(j); left < awake-10*time.Second || row.Epoch != before.Epoch+1 || second.body["awake_until"] != row.PauseDueAt.UTC().Format(time.RFC3339) {
		t.Errorf("due in %v, epoch %d, awake until %v", left, row.Epoch, second.body["awake_until"])
	}
	b.wantPause(row, awake)
}

func TestTheBodyOfAResume(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	for body, status := range map[string]int{
		`{"prolong": "yes"}`: 422, `{"prolong": null}`: 422, `{"prolong"`: 400, `null`: 400, `[]`: 400, `true`: 400, `{} {}`: 400,
	} {
		if got := b.send(j, body); got.status != status {
			t.Errorf("%s: got %d %v, want %d", body, got.status, got.body, status)
		}
	}
	if b.Row(j.ID).Revision != j.Revision {
		t.Error("a wrong body changed something")
	}
	b.want(b.send(j, `{"prolong": true}`), http.StatusOK)
	b.want(b.send(j, `{}`), http.StatusOK)
}

func TestTheLimitsOfATierAreTold(t *testing.T) {
	b := setup(t)
	b.waker.Limits = job.TierLimits{job.Bootstrapper: {WakesPerHour: 1}}
	j := b.paused(greeter)
	b.want(b.resumeJob(j), http.StatusOK)
	b.Pass(awake)
	b.pause(b.Row(j.ID))
	got := b.resumeJob(j)
	b.want(got, http.StatusTooManyRequests)
	if got.body["detail"] != "Your limit of previews woken in an hour is reached: 1" || got.retryAfter == "" {
		t.Errorf("got %v, Retry-After %q", got.body, got.retryAfter)
	}
	if row := b.Row(j.ID); row.SandboxState != job.SandboxPaused {
		t.Errorf("the row says %s", row.SandboxState)
	}
	if up, refused := b.Log.Counted(metrics.WakesUp), b.Log.Counted(metrics.WakesRefused); up != 1 || refused != 1 {
		t.Errorf("%v wakes are counted as up and %v as refused", up, refused)
	}
}
