package main

import (
	"net/http"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/metrics"
)

func TestAWakeIsCountedByWhatCameOfIt(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.Pass(time.Hour)
	b.want(b.resumeJob(j), http.StatusOK)
	b.want(b.resumeJob(j), http.StatusOK) // it is awake: no wake
	if took := b.Log.Metric(metrics.WakeTime); b.Log.Counted(metrics.WakesUp) != 1 || len(took) != 1 || took[0] <= 0 || took[0] > 25_000 {
		t.Errorf("%v wakes, which took %v ms", b.Log.Counted(metrics.WakesUp), took)
	}

	other := b.paused(greeter)
	b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer, Status: 400})
	b.want(b.resumeJob(other), http.StatusServiceUnavailable)
	if b.Log.Counted(metrics.WakesFailed) != 1 || b.Log.Counted(metrics.Refused("connect")) != 1 {
		t.Errorf("%v failed, %v refused", b.Log.Counted(metrics.WakesFailed), b.Log.Counted(metrics.Refused("connect")))
	}
	b.Set(other.ID, "sandbox_state = 'paused', sandbox_paused = true, op_until = NULL, waiter_until = NULL, marker_epoch = 9, epoch = 9")
	b.want(b.resumeJob(other), http.StatusServiceUnavailable)
	if b.Log.Counted(metrics.WakesLost) != 1 || b.Log.Counted(metrics.WakesUp) != 1 {
		t.Errorf("%v lost, %v up", b.Log.Counted(metrics.WakesLost), b.Log.Counted(metrics.WakesUp))
	}

	third := b.paused(greeter)
	b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.AnswerLost})
	b.want(b.resumeJob(third), http.StatusAccepted)
	if b.Log.Counted(metrics.WakesUnfinished) != 1 || b.Log.Counted(metrics.Unanswered("connect")) != 1 {
		t.Errorf("%v unfinished, %v unanswered", b.Log.Counted(metrics.WakesUnfinished), b.Log.Counted(metrics.Unanswered("connect")))
	}
}
