package main

import (
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/postgrestest"
	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
)

// What a sandbox was awake for nothing is told once, when E2B says that it sleeps;
// the time from READY is that of the first sleep.
func TestASleepIsCountedWithWhatItWasLateBy(t *testing.T) {
	b := setup(t)
	j := b.Ready(5 * time.Minute)
	b.Pass(7 * time.Minute)
	for range 2 { // the second one comes too late to do anything
		if b.deliver(j) {
			t.Fatal("a message is to come again")
		}
	}
	row := b.Row(j.ID)
	idle, slept := b.Log.Metric(metrics.Idle), b.Log.Metric(metrics.TimeToSleep)
	if len(idle) != 1 || idle[0] < 120 || idle[0] > 150 {
		t.Errorf("idle for %v s, want two minutes and a little", idle)
	}
	if len(slept) != 1 || slept[0] < 420 || slept[0] > 450 {
		t.Errorf("asleep %v s after READY, want seven minutes and a little", slept)
	}
	if n := len(b.Log.Metric(metrics.Call("pause"))); b.Log.Counted(metrics.PausesAsleep) != 1 || n != 1 {
		t.Errorf("%v sleeps by %d calls, want one by one", b.Log.Counted(metrics.PausesAsleep), n)
	}

	woken := b.Must(b.Rows.TakeResume(b.ctx, row, jobs.Wake{Time: 10 * time.Minute}))
	_, _, err := b.e2b.Connect(b.ctx, woken.SandboxID, time.Hour)
	b.OK(err)
	woken = b.Must(b.Rows.RecordResumed(b.ctx, woken, jobs.Run{Due: 0, TTL: time.Hour}))
	b.deliver(woken)
	if len(b.Log.Metric(metrics.Idle)) != 2 || len(b.Log.Metric(metrics.TimeToSleep)) != 1 {
		t.Error("a second sleep is not told, or counts as the first one after READY")
	}
}

func TestPausesAreCountedByTheirOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		fault e2bsim.Fault
		plan  e2bsim.Plan
		want  metrics.Name
		call  metrics.Name
	}{
		"refused": {plan: e2bsim.Plan{RefusePause: true}, want: metrics.PausesRefused, call: metrics.Refused("pause")},
		"failed":  {fault: e2bsim.Fault{Action: e2bsim.ErrorAnswer, Status: 500}, want: metrics.PausesFailed, call: metrics.Refused("pause")},
		"unknown": {fault: e2bsim.Fault{Action: e2bsim.AnswerLost}, want: metrics.PausesUnknown, call: metrics.Unanswered("pause")},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.Ready(0)
			if c.fault.Action != "" {
				b.fault(c.fault)
			}
			b.E2B.SetPlan(c.plan)
			again := b.deliver(j)
			if b.Log.Counted(c.want) != 1 || b.Log.Counted(c.call) != 1 || b.Log.Counted(metrics.PausesAsleep) != 0 {
				t.Errorf("%s: %v, %s: %v", c.want, b.Log.Counted(c.want), c.call, b.Log.Counted(c.call))
			}
			if !again {
				return
			}
			b.SQS.Advance(job.OpTime + 2*time.Second)
			postgrestest.Advance(t, b.Pool, job.OpTime+2*time.Second)
			b.redeliver()
			if b.Log.Counted(metrics.PausesAsleep) != 1 || b.Log.Counted(c.want) != 1 {
				t.Error("the pause that worked is not counted, or the other one twice")
			}
		})
	}
}
