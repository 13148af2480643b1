package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/secrets"
)

func TestSandboxesOfNobodyAreKilled(t *testing.T) {
	for name, make := range map[string]func(b *fixture) string{
		"its job failed, the row knows it": func(b *fixture) string { return b.fail(b.building()).SandboxID },
		"its job failed before the row knew it": func(b *fixture) string {
			j := b.creating()
			id := b.Create(job.Tags(stack, j.ID, j.CreateNo))
			b.fail(j)
			return id
		},
		"its job has another one": func(b *fixture) string {
			j := b.ready()
			return b.Create(job.Tags(stack, j.ID, j.CreateNo))
		},
		"a later create call took its place": func(b *fixture) string {
			j := b.creating()
			id := b.Create(job.Tags(stack, j.ID, j.CreateNo))
			b.Pass(job.Grace + time.Second)
			j = b.Must(b.Rows.ClaimTurn(b.ctx, j.ID, 0))
			b.Must(b.Rows.RecordCreate(b.ctx, j))
			return id
		},
		"its row says that it is gone": func(b *fixture) string {
			j := b.Must(b.Rows.TakeResume(b.ctx, b.paused(), jobs.Wake{Time: 10 * time.Minute}))
			return b.Must(b.Rows.RecordRolledBack(b.ctx, j)).SandboxID
		},
		"it sleeps, and its job failed": func(b *fixture) string {
			j := b.fail(b.building())
			b.OK(b.e2b.Pause(b.ctx, j.SandboxID))
			return j.SandboxID
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			id := make(b)
			b.want(b.reconcile(), orphans, count{1, 1, 0})
			b.wantBox(id, e2bsim.StateGone)
			b.want(b.reconcile(), orphans, count{})
		})
	}
}

// An entry that cannot be reached is told of, and hides no other.
func TestAnOddEntryHidesNoOrphan(t *testing.T) {
	b := setup(t)
	id := b.fail(b.building()).SandboxID
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Action: e2bsim.OddEntry})
	b.want(b.reconcile(), orphans, count{2, 1, 1})
	b.wantBox(id, e2bsim.StateGone)
}

func TestAFailedRowLearnsThatItsSandboxIsGone(t *testing.T) {
	b := setup(t)
	j := b.fail(b.building())
	b.reconcile()
	b.wantState(j.ID, job.SandboxGone)
}

func TestSandboxesOfLivingJobsAreLeftAlone(t *testing.T) {
	b := setup(t)
	creating := b.creating()
	unknown := b.Create(job.Tags(stack, creating.ID, creating.CreateNo)) // its answer was lost
	building, ready, paused, resumed := b.building(), b.resumed(), b.paused(), b.resumed()
	b.Pass(4 * time.Minute)
	b.want(b.reconcile(), orphans, count{})
	for id, state := range map[string]e2bsim.State{
		unknown: e2bsim.StateRunning, building.SandboxID: e2bsim.StateRunning, ready.SandboxID: e2bsim.StateRunning,
		paused.SandboxID: e2bsim.StatePaused, resumed.SandboxID: e2bsim.StateRunning,
	} {
		b.wantBox(id, state)
	}
	if n := b.Calls(e2bsim.Kill); n != 0 {
		t.Errorf("%d kills", n)
	}
}

// A young sandbox without a row may be one whose row does not show yet.
func TestASandboxWithoutARowIsKilledOnceItIsOld(t *testing.T) {
	for name, c := range map[string]struct {
		age  time.Duration
		want count
	}{
		"young": {job.Grace - time.Minute, count{}},
		"old":   {job.Grace + time.Minute, count{1, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, func(cfg *e2bsim.Config) { cfg.Clock = e2bsim.NewManualClock(time.Now().Add(-c.age)) })
			b.Create(job.Tags(stack, job.NewID(), 1))
			b.want(b.reconcile(), orphans, c.want)
		})
	}
}

// Neither a list that forgets its filter nor a row that came with a cloned
// database makes a sandbox ours.
func TestForeignSandboxesAreNeverTouched(t *testing.T) {
	b := setup(t, func(cfg *e2bsim.Config) { cfg.Clock = e2bsim.NewManualClock(time.Now().Add(-time.Hour)) })
	b.wire.unfilter.Store(true)
	failed := b.fail(b.creating())
	foreign := []string{
		b.Create(map[string]string{"app": "somebody else's"}),
		b.Create(job.Tags("another-stack", job.NewID(), 1)),
		b.Create(job.Tags("another-stack", failed.ID, 1)),
	}
	clone := b.creating()
	clone = b.Must(b.Rows.RecordSandbox(b.ctx, clone, b.Create(job.Tags("another-stack", clone.ID, 1)), time.Hour))
	foreign = append(foreign, b.fail(clone).SandboxID)
	for range 2 {
		b.want(b.reconcile(), orphans, count{})
	}
	for _, id := range foreign {
		b.wantBox(id, e2bsim.StateRunning)
	}
	// A sleeping one that its own stack woke is none of our business, either.
	sleeper := b.creating()
	sleeper = b.Must(b.Rows.RecordSandbox(b.ctx, sleeper, b.Create(job.Tags("another-stack", sleeper.ID, 1)), time.Hour))
	sleeper = b.Checks(sleeper)
	sleeper = b.Must(b.Rows.Ready(b.ctx, sleeper, sleeper.Progress, "https://3000-x.e2b.app", 0))
	sleeper = b.Must(b.Rows.TakePause(b.ctx, sleeper.ID, sleeper.Epoch))
	sleeper = b.Must(b.Rows.RecordPaused(b.ctx, sleeper))
	b.Pass(job.Grace + time.Minute)
	b.want(b.reconcile(), woken, count{})
	if row := b.Row(sleeper.ID); row.Revision != sleeper.Revision {
		t.Errorf("the row of a foreign sandbox was written: %s", row.SandboxState)
	}
}

// A list lags behind: what it shows was already killed.
func TestASandboxIsLookedAtBeforeItIsKilled(t *testing.T) {
	b := setup(t)
	j := b.fail(b.building())
	b.OK(b.E2B.Advance(b.ctx, 2*time.Minute))
	b.OK(b.e2b.Kill(b.ctx, j.SandboxID))
	b.Must(b.Rows.RecordKilled(b.ctx, j.ID, j.SandboxID))
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Times: -1, Action: e2bsim.Lag, Lag: time.Minute})
	before := b.Calls(e2bsim.Kill)
	b.want(b.reconcile(), orphans, count{})
	if n := b.Calls(e2bsim.Kill); n != before {
		t.Errorf("%d kills of what is gone", n-before)
	}
}

func TestAKillWithoutAnAnswerIsMadeAgain(t *testing.T) {
	b := setup(t)
	j := b.fail(b.building())
	b.Fault(e2bsim.Fault{Call: e2bsim.Kill, Times: 2, Action: e2bsim.GatewayTimeout}) // by the list, and by the row
	b.want(b.reconcile(), orphans, count{2, 0, 2})
	b.wantState(j.ID, job.SandboxRunning)
	b.want(b.reconcile(), orphans, count{1, 1, 0})
	b.wantState(j.ID, job.SandboxGone)
	b.wantBox(j.SandboxID, e2bsim.StateGone)
}

func TestAListGoesOnWhereItStopped(t *testing.T) {
	b := setup(t)
	for range 150 {
		b.Create(job.Tags(stack, job.NewID(), 1))
	}
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Nth: 2, Action: e2bsim.ErrorAnswer, Status: 400})
	b.wantFailed(b.reconcile()) // a position that E2B refuses begins anew
	b.E2B.ClearFaults()
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Nth: 2, Times: 4, Action: e2bsim.GatewayTimeout})
	b.wantFailed(b.reconcile(), "sandboxes")
	b.E2B.ClearFaults()
	before := b.Calls(e2bsim.List)
	b.reconcile()
	if n := b.Calls(e2bsim.List) - before; n != 2 { // the second page, and the list of the sleeping
		t.Errorf("%d lists", n)
	}
}

// endless is an E2B whose list has no end.
func endless(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("nextToken"))
	w.Header().Set("X-Next-Token", strconv.Itoa(n+1))
	_ = json.NewEncoder(w).Encode([]struct{}{})
}

func TestAListIsReadInBoundedParts(t *testing.T) {
	b := setup(t)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("nextToken"))
		endless(w, r)
	}))
	defer server.Close()
	var err error
	b.e2b, err = e2b.New(e2b.Config{APIURL: server.URL, Domain: "e2b.app", Key: secrets.Fixed("e2b_0123").Get})
	b.OK(err)
	b.reconcile()
	b.reconcile()
	if len(asked) != 2*maxPages || asked[maxPages] != strconv.Itoa(maxPages) {
		t.Errorf("asked for pages %v", asked)
	}
}
