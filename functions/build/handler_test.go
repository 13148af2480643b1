package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/sqs"
)

func TestAPageIsBuilt(t *testing.T) {
	b := setup(t)
	j := b.ready(b.accept(page()).ID)
	if j.SandboxState != job.SandboxRunning || j.PreviewURL == "" || j.CreateNo != 1 {
		t.Errorf("the row says %+v", j)
	}
}

func TestARequestBecomesAJob(t *testing.T) {
	b := setup(t)
	id := job.NewID()
	b.send(requestMessage(1, id, alice, page()))
	b.deliver()
	j := b.ready(id)
	if j.UserID != alice || j.Tier != job.Bootstrapper {
		t.Errorf("the row says user %q, tier %q", j.UserID, j.Tier)
	}
	if cached, found, err := b.cache.Get(t.Context(), id); err != nil || !found || cached.Revision != j.Revision || cached.PreviewURL != j.PreviewURL {
		t.Errorf("the cache has revision %d, preview %q, %v; want %d, %q", cached.Revision, cached.PreviewURL, err, j.Revision, j.PreviewURL)
	}
}

// TestTheLargestRequestIsBuilt: each text as long as it may be, in characters of
// four bytes, fits into a message, a row and a process.
func TestTheLargestRequestIsBuilt(t *testing.T) {
	b := setup(t)
	fill := func(s string, characters int) string {
		return s + strings.Repeat("\U00020000", characters-utf8.RuneCountInString(s))
	}
	r := page()
	look := fill(`echo "$(printf %s "$GOAL$A" | wc -c)" >>../seen; exit # `, job.MaxCommand)
	start := fill(*r.Commands.Start+" # ", job.MaxCommand)
	r.Goal = fill("", job.MaxGoal)
	r.Commands.Generate, r.Commands.Install, r.Commands.Check, r.Commands.Start = &look, &look, &look, &start
	largest := strings.Repeat("\U00020000", (job.MaxEnvPair-1)/4)
	r.Env = map[string]string{"A": largest, "B": largest}
	id := job.NewID()
	b.send(requestMessage(1, id, alice, r))
	b.deliver()
	env := len(largest)
	want := fmt.Sprintf("%d\n%d\n%d\n", 4*job.MaxGoal+env, env, env)
	if got := b.Run(b.ready(id), "cat seen"); got != want {
		t.Errorf("the commands saw a goal and an environment of\n%swant\n%s", got, want)
	}
}

// Until it is a row, a request's message is all there is of it: an outage must
// not use up its deliveries within minutes.
func TestARequestWaitsForTheDatabase(t *testing.T) {
	b := setup(t)
	id := job.NewID()
	b.send(requestMessage(1, id, alice, page()))
	b.Proxy.Down()
	var waits []time.Duration
	for range 6 {
		waits = append(waits, b.deliver())
	}
	const almost = 10*time.Minute - 10*time.Second // some of it has passed
	if soon, later := waits[3], waits[4:]; soon > 2*time.Minute || min(later[0], later[1]) < almost || max(later[0], later[1]) > 10*time.Minute {
		t.Errorf("the message waits %v, want 10 minutes from the fifth delivery on", waits)
	}
	b.Proxy.Up(t)
	b.deliver()
	b.ready(id)
}

// A job that exists has reconcile to send for it: its message is back soon.
func TestATurnThatCannotBeClaimedIsBackSoon(t *testing.T) {
	b := setup(t)
	b.accept(page())
	b.Proxy.Down()
	for range 6 {
		if again := b.deliver(); again == 0 || again > 2*time.Minute {
			t.Errorf("the message comes again in %v", again)
		}
	}
}

// Over the limit of jobs that build at a time a job stays queued, and asks again.
func TestOverTheConcurrencyAJobWaits(t *testing.T) {
	b := setup(t)
	b.Limits = job.TierLimits{job.Bootstrapper: {PerUser: 1}}
	first := b.at(b.slow().ID, job.Deps)
	b.SQS.Remove("build", b.SQS.Messages("build")[0].ID)
	second := b.accept(page())
	b.deliver()
	row := b.Row(second.ID)
	if row.Status != job.Queued || row.Turn != 1 || row.CreateNo != 0 {
		t.Errorf("over the limit the job is %s at turn %d, with %d creates", row.Status, row.Turn, row.CreateNo)
	}
	if next := b.SQS.Messages("build"); len(next) != 1 || next[0].VisibleAt.Sub(next[0].SentAt).Round(time.Second) != limitDelay {
		t.Errorf("the next turn's message is %+v", next)
	}
	b.cancelled(first.ID)
	b.ready(second.ID)
}

// Over the daily limit nothing is built before the next day.
func TestOverTheDailyLimitAJobIsScheduled(t *testing.T) {
	b := setup(t)
	b.Limits = job.TierLimits{job.Bootstrapper: {PerDay: 1}}
	first, second := job.NewID(), job.NewID()
	b.send(requestMessage(1, first, alice, page()))
	b.deliver()
	b.ready(first)
	b.send(requestMessage(1, second, alice, page()))
	if again := b.deliver(); again != 0 {
		t.Errorf("the message comes again in %v", again)
	}
	row := b.Row(second)
	if row.CreatedAt.UTC().Day() != b.Row(first).CreatedAt.UTC().Day() {
		return // midnight came in between
	}
	if row.Status != job.Scheduled || !row.ScheduleFor.After(row.ReadAt) || b.Calls(e2bsim.Create) != 1 {
		t.Errorf("the job is %s for %v, after %d creates", row.Status, row.ScheduleFor, b.Calls(e2bsim.Create))
	}
	if left := b.SQS.Stats("build").Total(); left != 0 {
		t.Errorf("%d messages are left", left)
	}
}

// A cancelled job's turn notices at its next write: it starts and sends nothing
// more.
func TestATurnNoticesThatItsJobWasCancelled(t *testing.T) {
	b := setup(t)
	r, leave := page(), "echo ran >>../seen"
	r.Commands.Install = &leave
	r.Source.Files = map[string]job.File{"index.html": {Content: []byte("hello")}}
	j := b.accept(r)
	b.Once(e2bsim.Files, e2bsim.Answered, func() { b.cancelled(j.ID) }) // while the source is uploaded
	if again := b.deliver(); again != 0 {
		t.Errorf("the message comes again in %v", again)
	}
	row := b.Row(j.ID)
	if row.Status != job.Failed || row.ErrorMessage != "Cancelled by user" || row.Turn != 0 {
		t.Errorf("the job is %s at turn %d: %s", row.Status, row.Turn, row.ErrorMessage)
	}
	if n := b.SQS.Stats("build").Total() + b.SQS.Stats("pause").Total(); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	if seen := b.Run(row, "cat seen 2>/dev/null || true"); seen != "" {
		t.Errorf("a command ran: %s", seen)
	}
}

// READY is committed before its message is sent; a redelivery makes up for one
// that was lost.
func TestALostReadyMessageIsSentAgain(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	pauses := b.pauses
	b.pauses = functiontest.DeadQueue(t)
	b.until(j.ID, "READY", func(j job.Job) bool { return j.Status == job.Ready })
	if n := b.SQS.Stats("build").Total(); n != 1 {
		t.Fatalf("%d build messages are left, want the one that is to come again", n)
	}
	b.pauses = pauses
	if again := b.deliver(); again != 0 {
		t.Errorf("the message comes again in %v", again)
	}
	row := b.Row(j.ID)
	sent := b.SQS.Messages("pause")
	if len(sent) != 1 {
		t.Fatalf("%d READY messages were sent, want one", len(sent))
	}
	m, err := sqs.DecodePause(sent[0].Body)
	if err != nil || m.JobID != j.ID || m.Epoch != row.Epoch || m.SandboxID != row.SandboxID {
		t.Errorf("the READY message is %s", sent[0].Body)
	}
}

// A turn that kills its worker each time is not tried for ever.
func TestAJobThatKillsItsTurnsFailsInWords(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	for range maxCrashes + 1 {
		b.Must(b.Rows.ClaimTurn(t.Context(), j.ID, 0)) // and dies
		b.Pass(job.Lease + time.Second)
	}
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Failed || !strings.Contains(row.ErrorMessage, "interrupted too often") || b.Calls(e2bsim.Create) != 0 {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
}
