package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/e2bsim"
	"siesta/proof/postgrestest"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

func TestADueSandboxIsPutToSleep(t *testing.T) {
	b := setup(t)
	j := b.Ready(0)
	if b.deliver(j) {
		t.Error("the message is to come again")
	}
	b.wantState(j, job.SandboxPaused)
	if row := b.Row(j.ID); row.PausedAt.IsZero() || !row.SandboxExpiresAt.IsZero() {
		t.Errorf("got paused at %v, expires at %v", row.PausedAt, row.SandboxExpiresAt)
	}
}

func TestASandboxThatSleepsAlreadyIsPaused(t *testing.T) {
	b := setup(t)
	j := b.Ready(0)
	if err := b.e2b.Pause(b.ctx, j.SandboxID); err != nil {
		t.Fatal(err)
	}
	if b.deliver(j) {
		t.Error("the message is to come again")
	}
	b.wantState(j, job.SandboxPaused)
}

func TestARefusedPauseIsToldAndNotRepeated(t *testing.T) {
	b := setup(t)
	j := b.Ready(0)
	b.E2B.SetPlan(e2bsim.Plan{RefusePause: true})
	if b.deliver(j) {
		t.Error("the message is to come again")
	}
	b.wantState(j, job.SandboxRunning)
	if row := b.Row(j.ID); row.PauseError == "" || row.PauseDueAt.Sub(row.ReadAt) < 50*time.Minute {
		t.Errorf("got error %q, due again in %v", row.PauseError, row.PauseDueAt.Sub(row.ReadAt))
	}
}

func TestAnUnknownOutcomeIsNeverWrittenAndAskedForAgain(t *testing.T) {
	for _, action := range []e2bsim.Action{e2bsim.AnswerLost, e2bsim.TimeoutAfter, e2bsim.GatewayTimeout} {
		t.Run(string(action), func(t *testing.T) {
			b := setup(t)
			j := b.Ready(0)
			b.fault(e2bsim.Fault{Action: action})
			if !b.deliver(j) {
				t.Fatal("the message does not come again")
			}
			b.wantState(j, job.SandboxPausing)
			if row := b.Row(j.ID); !row.OpUntil.After(row.ReadAt.Add(time.Minute)) {
				t.Errorf("op_until was shortened to %v", row.OpUntil.Sub(row.ReadAt))
			}
			if in := b.nextIn(); in < job.OpTime-5*time.Second {
				t.Errorf("the message comes back after %v, while the call may be under way", in)
			}
			b.SQS.Advance(job.OpTime + 2*time.Second)
			postgrestest.Advance(t, b.Pool, job.OpTime+2*time.Second)
			if b.redeliver() {
				t.Error("the message is to come a third time")
			}
			b.wantState(j, job.SandboxPaused)
		})
	}
}

func TestADefiniteFailureIsTriedAgainSoon(t *testing.T) {
	for _, f := range []e2bsim.Fault{
		{Action: e2bsim.LimitReached}, {Action: e2bsim.RateLimited, RetryAfter: 40}, {Action: e2bsim.ErrorAnswer, Status: 500}, {Action: e2bsim.ErrorAnswer, Status: 404},
		{Action: e2bsim.ErrorAnswer, Status: 503}, {Action: e2bsim.ErrorAnswer, Status: 503, RetryAfter: 40},
	} {
		t.Run(fmt.Sprint(f.Action, f.Status, f.RetryAfter), func(t *testing.T) {
			b := setup(t)
			j := b.Ready(0)
			b.fault(f)
			if !b.deliver(j) {
				t.Fatal("the message does not come again")
			}
			b.wantState(j, job.SandboxPausing)
			in := b.nextIn()
			if f.RetryAfter == 0 && in > 10*time.Second || f.RetryAfter > 0 && (in < 20*time.Second || in > 40*time.Second) {
				t.Errorf("the message comes back after %v", in)
			}
			b.SQS.Advance(in)
			if b.redeliver() {
				t.Error("the message is to come a third time")
			}
			b.wantState(j, job.SandboxPaused)
		})
	}
}

// However long E2B fails, one message goes on asking: reconcile must not add
// another one each minute.
func TestAFailingPauseIsNeverTakenForAbandoned(t *testing.T) {
	b := setup(t)
	j := b.Ready(0)
	b.fault(e2bsim.Fault{Action: e2bsim.RateLimited, RetryAfter: 300})
	again := b.deliver(j)
	for range 8 {
		if !again {
			t.Fatal("the message does not come again")
		}
		in := b.nextIn()
		b.SQS.Advance(in)
		postgrestest.Advance(t, b.Pool, in)
		if rows, err := b.Rows.AbandonedOps(b.ctx, 10); err != nil || len(rows) > 0 {
			t.Fatalf("after %v: %d abandoned, %v", in, len(rows), err)
		}
		b.fault(e2bsim.Fault{Action: e2bsim.ErrorAnswer, Status: 500})
		again = b.redeliver()
	}
}

func TestAMessageBeforeItsTimeIsSentAgainForIt(t *testing.T) {
	b := setup(t)
	j := b.Ready(10 * time.Minute)
	if b.deliver(j) {
		t.Error("the message is to come again, and counts as failed")
	}
	b.wantNoCall()
	if in := b.nextIn(); in < 590*time.Second || in > 601*time.Second {
		t.Errorf("the next message comes after %v, want 10m", in)
	}
}

func TestAMessageOfAnotherEpochChangesNothing(t *testing.T) {
	b := setup(t)
	j := b.Ready(0)
	old := j
	old.Epoch--
	if b.deliver(old) {
		t.Error("the message is to come again")
	}
	b.wantNoCall()
	if row := b.Row(j.ID); row.Revision != j.Revision {
		t.Error("the row was changed")
	}
}

// A copy of the database names sandboxes that are the original's to pause.
func TestAnotherStacksSandboxIsLeftAlone(t *testing.T) {
	b := setup(t)
	j := b.Ready(0)
	if _, err := b.Pool.Exec(b.ctx, `UPDATE jobs SET sandbox_stack = 'another' WHERE id = $1::uuid`, j.ID); err != nil {
		t.Fatal(err)
	}
	if b.deliver(j) {
		t.Error("the message is to come again")
	}
	b.wantNoCall()
}

func TestADuplicateWaitsForTheOwner(t *testing.T) {
	b := setup(t)
	j := b.Ready(0)
	b.Must(b.Rows.TakePause(b.ctx, j.ID, j.Epoch))
	if !b.deliver(j) {
		t.Error("the message is gone, though its pause may fail")
	}
	b.wantNoCall()
	if in := b.nextIn(); in < job.OpTime-5*time.Second {
		t.Errorf("the message comes back after %v, before its owner is done", in)
	}
}

func TestAPauseThatWasOvertakenByAResumeWritesNothing(t *testing.T) {
	b := setup(t)
	j := b.Ready(0)
	b.Once(e2bsim.Pause, e2bsim.Received, func() { // its time runs out, and somebody wakes the sandbox
		postgrestest.Advance(t, b.Pool, job.OpTime+time.Second)
		b.Must(b.Rows.TakeResume(b.ctx, b.Row(j.ID), jobs.Wake{Time: 10 * time.Minute}))
	})
	if b.deliver(j) {
		t.Error("the message is to come again")
	}
	if row := b.Row(j.ID); row.SandboxState != job.SandboxResuming || row.SandboxPaused {
		t.Errorf("got %s, paused %v", row.SandboxState, row.SandboxPaused)
	}
}

func TestAMessageThatCanNeverSucceedIsPutAside(t *testing.T) {
	b := setup(t)
	due := b.Ready(0)
	for name, body := range map[string]string{
		"no JSON":         `{`,
		"no such epoch":   `{"version":1,"job_id":"` + due.ID + `","sandbox_id":"i1","epoch":2147483648}`,
		"unknown version": `{"version":9,"job_id":"` + job.NewID() + `","sandbox_id":"i1","epoch":1}`,
		"unknown job":     `{"version":1,"job_id":"` + job.NewID() + `","sandbox_id":"i1","epoch":1}`,
	} {
		before := b.SQS.Stats("dead").Total()
		response, err := b.Handle(b.ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: body}}})
		if err != nil || len(response.BatchItemFailures) != 0 {
			t.Errorf("%s: got %v, %v", name, response, err)
		}
		if got := b.SQS.Stats("dead").Total(); got != before+1 {
			t.Errorf("%s: %d messages put aside, want 1", name, got-before)
		}
	}
}

func (b *fixture) wantNoCall() {
	b.T.Helper()
	for _, c := range b.E2B.Calls() {
		if c.Kind == e2bsim.Pause {
			b.T.Error("E2B was asked to pause")
		}
	}
}
