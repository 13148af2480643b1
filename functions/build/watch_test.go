package main

import (
	"fmt"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/job"
)

// untilNext is how long the next turn is away.
func (b *fixture) untilNext() time.Duration {
	b.T.Helper()
	waiting := b.SQS.Messages("build")
	if len(waiting) != 1 {
		b.T.Fatalf("%d build messages are left, want 1", len(waiting))
	}
	return waiting[0].VisibleAt.Sub(b.SQS.Now()).Round(time.Second)
}

// longStep is a job whose install has run for ten minutes. It prints a line for each
// file said-<n> that it sees.
func (b *fixture) longStep() job.Job {
	b.T.Helper()
	r, install := page(), "n=0; while true; do until [ -e ../say-$n ]; do sleep 0.01; done; echo line $n; touch ../said-$n; n=$((n+1)); done"
	r.Commands.Install = &install
	j := b.at(b.spent(r, 0).ID, job.Deps)
	b.Pass(10 * time.Minute)
	b.deliver()
	return j
}

// Who reads the log of a step that has run for ten minutes sees its lines two seconds
// late at the most, as long as somebody reads.
func TestWhoReadsTheLogSeesItsLinesSoon(t *testing.T) {
	b := setup(t)
	j := b.longStep()
	if wait := b.untilNext(); wait != maxWait {
		t.Errorf("with nobody who reads its log it is looked at again in %v", wait)
	}
	b.cache.Watch(t.Context(), j)
	b.deliver()
	for n := range 5 {
		b.Run(j, fmt.Sprintf("touch say-%d; until [ -e said-%d ]; do sleep 0.01; done", n, n))
		b.cache.Watch(t.Context(), j)
		if wait := b.untilNext(); wait > 2*time.Second {
			t.Errorf("line %d is seen in %v", n, wait)
		}
		b.deliver()
		if last, _, err := b.cache.LastLog(t.Context(), j.ID); err != nil || last.Text != fmt.Sprint("line ", n) {
			t.Errorf("after its next look the log ends with %q, %v, want line %d", last.Text, err, n)
		}
	}
	if row := b.Row(j.ID); row.PolledMS != j.PolledMS || row.Crashes != 0 {
		t.Errorf("of what a job's turns may wait, its reader took %d ms; %d crashed", row.PolledMS-j.PolledMS, row.Crashes)
	}
}

// Whoever reads, what would cost a build slot its time, or the job a turn that it
// cannot bear, waits as ever.
func TestAReaderHastensNothingElse(t *testing.T) {
	for name, happens := range map[string]func(*fixture, job.Job){
		"a sandbox that does not answer": func(b *fixture, _ job.Job) { b.hang(e2bsim.StartProcess, 2) },
		"turns that died":                func(b *fixture, j job.Job) { b.Set(j.ID, fmt.Sprintf("crashes = %d", maxCrashes/2)) },
		"a cache that is down": func(b *fixture, _ job.Job) {
			server := redistest.NewServer(b.T, redisserver.Config{})
			server.Stop()
			b.cache = functiontest.HastyCache(b.T, server.URL())
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.longStep()
			happens(b, j)
			b.World.Cache.Watch(t.Context(), j)
			b.deliver()
			if wait := b.untilNext(); wait != maxWait {
				t.Errorf("the next look comes in %v", wait)
			}
		})
	}
}

// Who answers each look as late as it may gets no more of a build slot by reading the log.
func TestAReaderHastensLittleWhatAnswersSlowly(t *testing.T) {
	b := setup(t)
	j := b.longStep()
	b.Fault(e2bsim.Fault{Call: e2bsim.StartProcess, Action: e2bsim.Delay, Delay: lookTime * 3 / 4, Nth: 2})
	b.cache.Watch(t.Context(), j)
	b.deliver()
	if wait := b.untilNext(); wait <= watchedWait || wait == maxWait {
		t.Errorf("the next look comes in %v", wait)
	}
}

// A step of our own prints nothing to wait for, and how often a version was tried to be
// put back is counted.
func TestAReaderHastensNoStepOfOurs(t *testing.T) {
	b := setup(t)
	j := b.longStep()
	b.cache.Watch(t.Context(), j)
	turn := &turn{handler: b.handler, j: b.Row(j.ID), read: time.Now()}
	for step, want := range map[string]time.Duration{"install": watchedWait, backStep + "-1": maxWait, captureStep: maxWait} {
		if got := turn.again(t.Context(), step); got != waitFor(want) {
			t.Errorf("after a look at %s %v, want %v", step, got, want)
		}
	}
}

// What a server prints as it comes up is seen as soon. An app that holds its visitors
// back costs each look its whole time, and is looked at less and less often.
func TestAReaderHastensNoSilentApp(t *testing.T) {
	for name, c := range map[string]struct {
		start string
		want  time.Duration
	}{
		"comes up":  {"echo listening; exec sleep 100000", watchedWait},
		"is silent": {"exec {self} accept", maxWait},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.at(b.spent(starts(c.start), 0).ID, job.Checks)
			b.Run(j, "until grep -qs listening .siesta/*/*-start/out*; do sleep 0.01; done")
			b.Pass(2 * time.Minute)
			b.cache.Watch(t.Context(), j)
			b.deliver()
			if wait := b.untilNext(); wait != c.want {
				t.Errorf("the next look comes in %v, want %v", wait, c.want)
			}
		})
	}
}
