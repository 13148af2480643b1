package main

import (
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
	"siesta/shared/metrics"
)

// What breaks the first promise is told by the run that finds it, and none of it by
// a run that finds nothing: then the metrics are 0, and not missing.
func TestARunTellsWhatBreaksAPromise(t *testing.T) {
	b := setup(t)
	late, asleep, failed := b.ready(), b.paused(), b.fail(b.building())
	b.wakeOutside(asleep)
	b.Pass(job.Grace + time.Minute)
	b.reconcile()
	want := map[metrics.Name]float64{metrics.LatePauses: 1, metrics.Woken: 1, metrics.Orphans: 1, metrics.Awake: 3, metrics.FailedParts: 0}
	for name, n := range want {
		if got := b.Log.Metric(name); len(got) != 1 || got[0] != n {
			t.Errorf("%s is %v, want %v once", name, got, n)
		}
	}
	b.wantBox(failed.SandboxID, e2bsim.StateGone)
	b.Pause(late)
	b.Pause(b.Row(asleep.ID))
	b.reconcile()
	for name := range want {
		if got := b.Log.Metric(name); len(got) != 2 || got[1] != 0 {
			t.Errorf("%s is %v, want 0 at last", name, got)
		}
	}
}

func TestAJobThatItsDeadlineEndsIsCounted(t *testing.T) {
	b := setup(t)
	j := b.building()
	b.Pass(2 * time.Hour)
	b.reconcile()
	b.reconcile()
	if got := b.Log.Counted(metrics.JobsFailedDeadline); b.Row(j.ID).Status != job.Failed || got != 1 {
		t.Errorf("the job is %s, and %v were ended by their deadline", b.Row(j.ID).Status, got)
	}
}
