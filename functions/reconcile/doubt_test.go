package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// Another team's API key hears 404 for every sandbox of ours.
func TestARunThatSeesFewSandboxesWritesOffNoCrowd(t *testing.T) {
	b := setup(t)
	b.insertAsleep(suspicious, `gen_random_uuid()`)
	b.reconcile()
	b.Pass(job.Grace + time.Second)
	b.ready() // built with the same key
	r := b.reconcile()
	b.want(r, missing, count{})
	if !slices.Contains(r.FailedParts, "losses") || !strings.Contains(b.Log.String(), "is this the API key") {
		t.Errorf("failed parts %v, log %s", r.FailedParts, b.Log)
	}
	r, err := b.Handle(b.ctx, input{Believe: true}) // an operator knows better
	b.OK(err)
	b.want(r, missing, count{suspicious, suspicious, 0})
}

// Fewer may all be lost, and rows must not claim them for ever.
func TestAFewLostSandboxesAreWrittenOff(t *testing.T) {
	b := setup(t)
	b.insertAsleep(suspicious-1, `gen_random_uuid()`)
	b.reconcile()
	b.Pass(job.Grace + time.Second)
	b.want(b.reconcile(), missing, count{suspicious - 1, suspicious - 1, 0})
}

// The ordinary loss is a small part of what there is.
func TestACrowdIsWrittenOffBesideALargerOne(t *testing.T) {
	b := setup(t)
	b.insertAsleep(suspicious, `gen_random_uuid()`)
	for range suspicious {
		b.paused()
	}
	b.reconcile()
	b.Pass(job.Grace + time.Second)
	b.want(b.reconcile(), missing, count{suspicious, suspicious, 0})
}

// In an emptied database no older sandbox has a job.
func TestARunThatKnowsFewJobsKillsNoCrowd(t *testing.T) {
	b := setup(t, func(cfg *e2bsim.Config) { cfg.Clock = e2bsim.NewManualClock(time.Now().Add(-2 * job.Grace)) })
	for range suspicious {
		b.Create(job.Tags(stack, job.NewID(), 1))
	}
	b.ready()
	r := b.reconcile()
	b.want(r, orphans, count{})
	if !slices.Contains(r.FailedParts, "orphans") || !strings.Contains(b.Log.String(), "is this the right database") {
		t.Errorf("failed parts %v, log %s", r.FailedParts, b.Log)
	}
	r, err := b.Handle(b.ctx, input{Believe: true})
	b.OK(err)
	b.want(r, orphans, count{suspicious, suspicious, 0})
}
