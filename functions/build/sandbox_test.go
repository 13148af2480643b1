package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

// turnsWithout returns the metric of each turn so far: whether E2B gave it no
// sandbox.
func (b *fixture) turnsWithout() (turns []float64) {
	b.T.Helper()
	for _, line := range bytes.Split([]byte(b.Log.String()), []byte("\n")) {
		var one map[string]any
		_ = json.Unmarshal(line, &one) // a line that is none has no metric
		if n, ok := one["turns_without_sandbox"].(float64); ok && one["_aws"] != nil {
			turns = append(turns, n)
		}
	}
	return turns
}

// A build that E2B turns away hands over, again and again: the metric is all
// that shows it.
func TestAnE2BThatTakesNoBuildsIsTold(t *testing.T) {
	for name, c := range map[string]struct{ refuse, allow func(b *fixture) }{
		"key refused":  {func(b *fixture) { b.E2B.SetAPIKeys("e2b_another") }, func(b *fixture) { b.E2B.SetAPIKeys("e2b_0123") }},
		"account full": {func(b *fixture) { b.Fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.LimitReached, Times: 2}) }, func(*fixture) {}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.accept(page())
			c.refuse(b)
			for range 2 { // the second one asks for a list first
				if again := b.deliver(); again != 0 {
					t.Errorf("the message comes again in %v", again)
				}
			}
			if got := b.turnsWithout(); len(got) != 2 || got[0] != 1 || got[1] != 1 {
				t.Errorf("turns without a sandbox: %v, want both", got)
			}
			if row := b.Row(j.ID); row.Status != job.Starting || row.Turn != 2 {
				t.Errorf("the job is %s at turn %d", row.Status, row.Turn)
			}
			c.allow(b)
			b.ready(j.ID)
			if got := b.turnsWithout(); got[2] != 0 {
				t.Errorf("turns without a sandbox: %v, want the first two alone", got)
			}
		})
	}
}

// created are the sandboxes that there ever were, and where they are.
func (b *fixture) created() (states []e2bsim.State) {
	for _, box := range b.E2B.Sandboxes() {
		states = append(states, box.State)
	}
	return states
}

func TestACreateWithoutAnAnswerIsFoundByItsTag(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.Fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.AnswerLost})
	if again := b.deliver(); again < 90*time.Second {
		t.Errorf("the message comes again in %v, before its lease is over", again)
	}
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Action: e2bsim.Lag, Lag: time.Hour}) // the list may miss it
	b.deliver()
	if row := b.Row(j.ID); row.SandboxID != "" || row.CreateNo != 1 {
		t.Errorf("after a list without it, the row has sandbox %q and %d creates", row.SandboxID, row.CreateNo)
	}
	done := b.ready(j.ID)
	if boxes := b.created(); len(boxes) != 1 || done.CreateNo != 1 {
		t.Errorf("there were %d sandboxes in %d creates, want one", len(boxes), done.CreateNo)
	}
}

// A create that came to nothing is repeated only when no list can still show it.
func TestALostCreateIsRepeatedAfterAGrace(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.Fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.GatewayTimeout})
	begun := b.SQS.Now()
	b.deliver()
	b.until(j.ID, "created again", func(j job.Job) bool { return j.CreateNo == 2 })
	if waited := b.SQS.Now().Sub(begun); waited < job.Grace {
		t.Errorf("the second create came %v after the first", waited)
	}
	b.ready(j.ID)
}

// A list that does not answer proves nothing, however long ago the create was.
func TestAListThatFailsProvesNothing(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.Fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.AnswerLost})
	b.deliver()
	b.Pass(job.Grace)
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Action: e2bsim.ErrorAnswer, Times: 4}) // as often as the client asks
	b.deliver()
	if row := b.Row(j.ID); row.CreateNo != 1 || row.Turn != 1 {
		t.Errorf("the row is at create %d, turn %d, want it handed over", row.CreateNo, row.Turn)
	}
	b.ready(j.ID)
}

func TestATurnDoesNotSitOutARateLimit(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.Fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.AnswerLost})
	b.deliver()
	b.Pass(job.Grace)
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Action: e2bsim.RateLimited, RetryAfter: 40})
	before := b.Calls(e2bsim.List)
	b.deliver()
	row := b.Row(j.ID)
	if n, next := b.Calls(e2bsim.List)-before, row.LeaseUntil.Sub(row.ReadAt); n != 1 || next < 30*time.Second {
		t.Errorf("%d lists, and the next turn in %v, want it when E2B said", n, next)
	}
	b.ready(j.ID)
}

// A builder whose lease is over while it writes the marker is a builder no more.
func TestABuilderWhoseTurnWasTakenStops(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.Once(e2bsim.StartProcess, e2bsim.Answered, func() {
		b.Pass(job.Lease + time.Second)
		b.Must(b.Rows.ClaimTurn(context.Background(), j.ID, 0))
	})
	b.deliver()
	if row := b.Row(j.ID); b.Calls(e2bsim.Files) != 0 || row.Status != job.Scaffold || row.Turn != 0 {
		t.Errorf("it went on to %s, turn %d, with %d uploads", row.Status, row.Turn, b.Calls(e2bsim.Files))
	}
}

// cancelled ends a job while its turn is at work.
func (b *fixture) cancelled(id string) {
	b.Must(b.Rows.Cancel(context.Background(), id, "Cancelled by user", job.NewID()))
}

// A sandbox that comes after its job's end is nobody's, and is killed at once.
func TestASandboxThatComesTooLateIsKilled(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.Once(e2bsim.Create, e2bsim.Answered, func() { b.cancelled(j.ID) })
	if again := b.deliver(); again != 0 {
		t.Errorf("the message comes again in %v", again)
	}
	if boxes := b.created(); len(boxes) != 1 || boxes[0] != e2bsim.StateGone {
		t.Errorf("the sandboxes are %v, want one that is gone", boxes)
	}
	if row := b.Row(j.ID); row.Status != job.Failed || row.SandboxID != "" {
		t.Errorf("the job is %s with sandbox %q", row.Status, row.SandboxID)
	}
}

// But the sandbox of a slow builder may have been adopted by the next one.
func TestAnAdoptedSandboxIsNotKilled(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.Once(e2bsim.Create, e2bsim.Answered, func() {
		b.Pass(job.Lease + time.Second)
		ctx := context.Background()
		next := b.Must(b.Rows.ClaimTurn(ctx, j.ID, 0))
		b.Must(b.Rows.RecordSandbox(ctx, next, b.theBox().SandboxID, time.Hour))
	})
	if again := b.deliver(); again != 0 {
		t.Errorf("the message comes again in %v", again)
	}
	if boxes := b.created(); len(boxes) != 1 || boxes[0] != e2bsim.StateRunning {
		t.Errorf("the sandboxes are %v, want one that runs", boxes)
	}
}

// The lease must outlive whatever a turn sends.
func TestNothingIsSentLongAfterTheClaim(t *testing.T) {
	b := setup(t)
	late := func(j job.Job) {
		t.Helper()
		calls := len(b.E2B.Calls())
		claimed := b.Must(b.store.ClaimTurn(t.Context(), j.ID, j.Turn))
		slow := &turn{handler: b.handler, j: claimed, sendBy: time.Now().Add(-time.Millisecond), claimed: time.Now()}
		b.OK(slow.run(t.Context()))
		if row := b.Row(j.ID); len(b.E2B.Calls()) != calls || row.CreateNo != j.CreateNo || row.Turn != j.Turn+1 {
			t.Errorf("E2B had %d calls; the row is at create %d, turn %d", len(b.E2B.Calls())-calls, row.CreateNo, row.Turn)
		}
		next := b.SQS.Messages("build")
		if len(next) != 1 || next[0].VisibleAt.Sub(next[0].SentAt).Round(time.Second) != minWait {
			t.Errorf("the next turn's message is %+v, want it in %v", next, minWait)
		}
	}
	j := b.slow()
	b.SQS.Remove("build", b.SQS.Messages("build")[0].ID)
	late(j) // no create
	j = b.at(j.ID, job.Deps)
	b.SQS.Remove("build", b.SQS.Messages("build")[0].ID)
	b.Pass(job.Lease)
	late(j) // no connect
}

// A call that is held up until its time is over is not sent at all, though it
// is recorded.
func TestAHeldUpCallIsNotSent(t *testing.T) {
	run := func(b *fixture, j job.Job) {
		t.Helper()
		held := *b.handler
		held.e2b = b.Client(e2b.Config{Key: func(ctx context.Context, _ bool) (secrets.Text, error) {
			select {
			case <-ctx.Done():
			case <-time.After(15 * time.Second): // as long as the client itself would send
			}
			return secrets.NewText("e2b_0123"), nil
		}})
		claimed := b.Must(b.store.ClaimTurn(b.T.Context(), j.ID, j.Turn))
		slow := &turn{handler: &held, j: claimed, sendBy: time.Now().Add(5 * time.Second), claimed: time.Now()}
		b.OK(slow.run(b.T.Context()))
	}
	t.Run("create", func(t *testing.T) {
		b := setup(t)
		j := b.accept(page())
		run(b, j)
		if row := b.Row(j.ID); b.Calls(e2bsim.Create) != 0 || row.CreateNo != 1 || !row.CreateSentAt.IsZero() {
			t.Errorf("E2B had %d creates; the row has %d, the last sent at %v", b.Calls(e2bsim.Create), row.CreateNo, row.CreateSentAt)
		}
	})
	t.Run("connect", func(t *testing.T) {
		b := setup(t)
		j := b.at(b.slow().ID, job.Deps)
		b.Pass(job.Lease)
		before := b.Calls(e2bsim.Connect)
		run(b, j)
		if row := b.Row(j.ID); b.Calls(e2bsim.Connect) != before || row.Turn != j.Turn+1 {
			t.Errorf("E2B had %d connects; the row is at turn %d", b.Calls(e2bsim.Connect)-before, row.Turn)
		}
	})
}

// One 404 may be E2B's list of places that lags.
func TestALostSandboxFailsTheJobAfterTwo404sAGraceApart(t *testing.T) {
	b := setup(t)
	j := b.at(b.slow().ID, job.Deps)
	b.OK(b.E2B.Vanish(t.Context(), j.SandboxID))
	begun := b.SQS.Now()
	b.deliver() // the first one
	j = b.until(j.ID, "failed", func(j job.Job) bool { return j.Status == job.Failed })
	if waited := b.SQS.Now().Sub(begun); waited < job.Grace {
		t.Errorf("the job failed %v after the first 404", waited)
	}
	if !strings.Contains(j.ErrorMessage, "lost") {
		t.Errorf("it failed with %q", j.ErrorMessage)
	}
}

func TestAnySightOfASandboxClearsItsLoss(t *testing.T) {
	b := setup(t)
	j := b.at(b.slow().ID, job.Deps)
	not := e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer, Status: 404}
	b.Fault(not)
	b.deliver()
	if row := b.Row(j.ID); row.MissingSince.IsZero() || row.Status != job.Deps {
		t.Errorf("after a 404 the job is %s, missing since %v", row.Status, row.MissingSince)
	}
	b.deliver()
	b.Pass(2 * job.Grace)
	b.Fault(not)
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Deps {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
}

// A sandbox that fell asleep in the middle of its build, hung, has lost the
// processes that built: its user is told so at once.
func TestASandboxThatHungEndsTheBuild(t *testing.T) {
	b := setup(t)
	j := b.at(b.slow().ID, job.Deps)
	b.Fault(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.HungGuest})
	b.OK(b.e2b.Pause(t.Context(), j.SandboxID))
	b.deliver()
	row := b.Row(j.ID)
	if row.Status != job.Failed || !strings.Contains(row.ErrorMessage, "stopped responding") {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
	if box, _ := b.E2B.Sandbox(j.SandboxID); box.State != e2bsim.StateGone {
		t.Errorf("the sandbox is %s", box.State)
	}
}

// A create that arrives twice, however late, makes no second sandbox.
func TestACreateThatArrivesTwiceMakesOneSandbox(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.deliver()
	again, err := b.e2b.Create(t.Context(), e2b.Create{Template: "base", Timeout: job.BuildTTL + b.PauseAfter,
		Metadata: job.Tags(stack, j.ID, 1), Key: job.CreateKey(stack, j.ID, 1)})
	if row := b.Row(j.ID); err != nil || again.ID != row.SandboxID {
		t.Errorf("the second one made %q, %v; the first one %q", again.ID, err, row.SandboxID)
	}
	if boxes := b.created(); len(boxes) != 1 {
		t.Errorf("there were %d sandboxes, want one", len(boxes))
	}
}

// An answer is kept with its key, so the next create needs another one.
func TestACreateThatFoundNoRoomIsMadeAnew(t *testing.T) {
	b := setup(t)
	other := b.Create(nil)
	b.E2B.SetPlan(e2bsim.Plan{MaxConcurrent: 1})
	j := b.accept(page())
	b.deliver()
	b.OK(b.e2b.Kill(t.Context(), other))
	if done := b.ready(j.ID); done.CreateNo != 2 {
		t.Errorf("it took %d creates, want 2", done.CreateNo)
	}
}

// A key that an earlier call has says nothing against the job.
func TestAKeyInUseIsNoRefusal(t *testing.T) {
	for code, status := range map[string]int{"idempotency_in_progress": 409, "idempotency_request_mismatch": 409, "idempotency_outcome_unknown": 422} {
		t.Run(code, func(t *testing.T) {
			b := setup(t)
			j := b.accept(page())
			b.Fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.ErrorAnswer, Status: status, ErrorCode: code})
			b.deliver()
			if row := b.Row(j.ID); row.Status.Terminal() || row.CreateSentAt.IsZero() {
				t.Errorf("the job is %s (%s), and its create was sent at %v", row.Status, row.ErrorMessage, row.CreateSentAt)
			}
			b.ready(j.ID)
		})
	}
}

// An entry of E2B's list that has no usable id hides no other one; where it may
// be what the create made, nothing is created anew.
func TestAnOddEntryInTheListIsSteppedOver(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.Fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.AnswerLost})
	b.deliver()
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Action: e2bsim.OddEntry, Times: -1})
	if done := b.ready(j.ID); done.CreateNo != 1 {
		t.Errorf("it took %d creates, want one", done.CreateNo)
	}

	lost := b.accept(page())
	b.Fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.GatewayTimeout})
	b.deliver()
	b.Pass(job.Grace)
	b.deliver()
	if row := b.Row(lost.ID); row.CreateNo != 1 || row.Turn != 1 {
		t.Errorf("the row is at create %d, turn %d, want it handed over", row.CreateNo, row.Turn)
	}
}

// What E2B answers about another sandbox says nothing about this one.
func TestAnAnswerAboutAnotherSandboxIsUnknown(t *testing.T) {
	b := setup(t)
	j := b.at(b.slow().ID, job.Deps)
	b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.OtherID})
	files := b.Calls(e2bsim.StartProcess)
	if again := b.deliver(); again == 0 {
		t.Error("the turn went on")
	}
	if row := b.Row(j.ID); row.Status != job.Deps || row.SandboxID != j.SandboxID || b.Calls(e2bsim.StartProcess) != files {
		t.Errorf("the job is %s in sandbox %s; %d commands were started", row.Status, row.SandboxID, b.Calls(e2bsim.StartProcess)-files)
	}
}
