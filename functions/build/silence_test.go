package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// took is how long each turn so far was billed for.
func (b *fixture) took() (turns []time.Duration) {
	b.T.Helper()
	for _, line := range bytes.Split([]byte(b.Log.String()), []byte("\n")) {
		var one struct {
			Took *int64 `json:"took_ms"`
		}
		if json.Unmarshal(line, &one) == nil && one.Took != nil {
			turns = append(turns, time.Duration(*one.Took)*time.Millisecond)
		}
	}
	return turns
}

// wantCheap checks what all turns so far were billed for, at a busy machine's
// speed.
func (b *fixture) wantCheap(each, all time.Duration) {
	b.T.Helper()
	var sum time.Duration
	for _, one := range b.took() {
		sum += one
		if one > each {
			b.T.Errorf("a turn took %v", one)
		}
	}
	if sum > all {
		b.T.Errorf("%d turns took %v", len(b.took()), sum)
	}
}

// spent is a job whose turns have no time left to wait for a command.
func (b *fixture) spent(r job.Request, beyond time.Duration) job.Job {
	b.T.Helper()
	return b.Set(b.accept(r).ID, fmt.Sprintf("polled_ms = %d", (jobPoll+beyond).Milliseconds()))
}

// hang leaves the calls of a kind without an answer, from the nth on.
func (b *fixture) hang(kind e2bsim.Kind, nth int) {
	b.T.Helper()
	b.Fault(e2bsim.Fault{Call: kind, Action: e2bsim.Delay, Delay: time.Hour, Nth: nth, Times: -1})
	b.T.Cleanup(func() { _ = b.E2B.Close() }) // ends the calls, which their server waits for
}

// An app that takes its visitors and leaves them waiting holds no turn: its build
// ends in words, when its time is over, and costs a few seconds.
func TestASilentAppCostsLittle(t *testing.T) {
	const others = "for port in 4001 4002 4003 4004; do PORT=$port {self} accept & done; "
	const elsewhere = " Something listens on the ports 4001, 4002, 4003, 4004: if one is the app, name it as the request's port."
	for name, c := range map[string]struct{ start, elsewhere string }{
		"accepts":               {"exec {self} accept", ""},
		"drips":                 {"exec {self} drip", ""},
		"accepts on five":       {others + "exec {self} accept", elsewhere},
		"accepts on all others": {others + "wait", elsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := starts(c.start)
			begun := b.SQS.Now()
			j := b.until(b.accept(r).ID, "finished", func(j job.Job) bool { return j.Status.Terminal() })
			want := "The app gave no answer on port 3000 within 3m0s of its start." + c.elsewhere + " Its last output was:\nlistening"
			if j.Status != job.Failed || !strings.HasPrefix(j.ErrorMessage, want) {
				t.Errorf("the job is %s: %s", j.Status, j.ErrorMessage)
			}
			if after := b.SQS.Now().Sub(begun); after > answerWithin+maxWait+30*time.Second {
				t.Errorf("it failed after %v", after)
			}
			if j.Crashes != 0 {
				t.Errorf("%d turns crashed", j.Crashes)
			}
			b.wantCheap(turnPoll+2*lookTime, 30*time.Second)
		})
	}
}

// What tells how an app is started is waited for no longer than a start.
func TestASilentSandboxHoldsNoDetection(t *testing.T) {
	b := setup(t)
	r := page()
	r.Commands.Install = nil
	j := b.accept(r)
	b.hang(e2bsim.StartProcess, 2) // after the marker
	if again := b.deliver(); again != 0 {
		t.Errorf("the message comes again in %v", again)
	}
	if row := b.Row(j.ID); row.Status != job.Code || row.Turn != 1 {
		t.Errorf("the job is %s at turn %d", row.Status, row.Turn)
	}
	b.wantCheap(startTime+lookTime, startTime+lookTime)
	b.E2B.ClearFaults()
	b.ready(j.ID)
}

// A sandbox whose daemon takes calls and says nothing holds no turn either, and
// what it was asked is asked again later.
func TestASilentSandboxHoldsNoTurn(t *testing.T) {
	b := setup(t)
	r, install := page(), "sleep 2"
	r.Commands.Install = &install
	j := b.at(b.spent(r, 0).ID, job.Deps)
	b.hang(e2bsim.StartProcess, 1)
	for range 2 {
		if again := b.deliver(); again != 0 {
			t.Errorf("the message comes again in %v", again)
		}
	}
	if row := b.Row(j.ID); row.Status != job.Deps || row.Turn != j.Turn+2 || row.Crashes != 0 {
		t.Errorf("the job is %s at turn %d, with %d crashes", row.Status, row.Turn, row.Crashes)
	}
	b.wantCheap(turnPoll+2*lookTime, 15*time.Second)
	b.E2B.ClearFaults()
	b.ready(j.ID)
}

func TestASandboxThatStaysSilentEndsTheBuildInWords(t *testing.T) {
	b := setup(t)
	r, install := page(), "sleep 100000"
	r.Commands.Install = &install
	j := b.at(b.spent(r, jobSilence-2*lookTime).ID, job.Deps)
	b.Fault(e2bsim.Fault{Call: e2bsim.StartProcess, Action: e2bsim.GatewayTimeout, Times: -1}) // soon, but as bad
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Deps {
		t.Fatalf("after one such look the job is %s: %s", row.Status, row.ErrorMessage)
	}
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Failed || row.ErrorMessage != "The sandbox of this build stopped answering." {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
}

// within delivers the next message to a function that has d to live.
func (b *fixture) within(d time.Duration) (again bool) {
	b.T.Helper()
	b.Pass(b.SQS.Messages("build")[0].VisibleAt.Sub(b.SQS.Now()) + time.Millisecond)
	return b.Deliver("build", func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		response, err := b.Handle(ctx, event)
		if end, _ := ctx.Deadline(); time.Until(end) < recordTime/2 {
			b.T.Errorf("the turn ended %v before its function", time.Until(end))
		}
		return response, err
	}) != ""
}

// A turn that runs out of time still has some for what it came to.
func TestAFailureIsRecordedInTimeKeptForIt(t *testing.T) {
	b := setup(t)
	r, install := page(), "until [ -e ../end ]; do sleep 0.01; done; exit 3"
	r.Commands.Install = &install
	j := b.at(b.spent(r, 0).ID, job.Deps)
	b.Run(j, "touch end; until [ -e .siesta/*/1-install/exit ]; do sleep 0.01; done")
	b.hang(e2bsim.StartProcess, 4) // its last lines, after the marker, read and written, and a look
	if b.within(recordTime + lookTime) {
		t.Error("the message comes again")
	}
	row := b.Row(j.ID)
	if row.Status != job.Failed || row.ErrorMessage != "Installing dependencies failed with exit code 3." {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
	if row.SandboxState != job.SandboxGone {
		t.Errorf("the sandbox is %s", row.SandboxState)
	}
}

// What a turn cannot finish it leaves before it is killed.
func TestATurnEndsBeforeItsFunction(t *testing.T) {
	b := setup(t)
	r := page()
	r.Source.Files = map[string]job.File{"index.html": {Content: []byte("hello")}}
	j := b.accept(r)
	b.hang(e2bsim.Files, 1)
	if !b.within(recordTime + 3*time.Second) {
		t.Error("the message does not come again")
	}
	if row := b.Row(j.ID); row.Status != job.Scaffold || row.SandboxID == "" {
		t.Errorf("the job is %s", row.Status)
	}
	if log := b.Log.String(); !strings.Contains(log, "upload source") {
		t.Errorf("the log is %s", log)
	}
	b.E2B.ClearFaults()
	b.ready(j.ID)
}
