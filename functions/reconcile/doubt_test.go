package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
	"siesta/shared/postgres"
)

// Another team's API key hears 404 for every sandbox of ours.
func TestARunThatSeesNoSandboxWritesOffNoCrowd(t *testing.T) {
	b := setup(t)
	b.insertAsleep(crowd, `gen_random_uuid()`)
	b.reconcile()
	b.Pass(postgres.Grace + time.Second)
	r := b.reconcile()
	b.want(r, missing, count{})
	if !slices.Contains(r.FailedParts, "rows") || !strings.Contains(b.Log.String(), "is this the API key") {
		t.Errorf("failed parts %v, log %s", r.FailedParts, b.Log)
	}
	b.ready() // one that E2B shows is enough: the others are lost indeed
	b.want(b.reconcile(), missing, count{crowd, crowd, 0})
}

// Fewer may all be lost, and rows must not claim them for ever.
func TestAFewLostSandboxesAreWrittenOff(t *testing.T) {
	b := setup(t)
	b.insertAsleep(crowd-1, `gen_random_uuid()`)
	b.reconcile()
	b.Pass(postgres.Grace + time.Second)
	b.want(b.reconcile(), missing, count{crowd - 1, crowd - 1, 0})
}

// In an empty database no sandbox has a job.
func TestARunThatKnowsNoJobKillsNoCrowd(t *testing.T) {
	b := setup(t, func(cfg *e2bsim.Config) { cfg.Clock = e2bsim.NewManualClock(time.Now().Add(-2 * postgres.Grace)) })
	for range crowd {
		b.Create(job.Tags(stack, job.NewID(), 1))
	}
	r := b.reconcile()
	b.want(r, orphans, count{})
	if !slices.Contains(r.FailedParts, "sandboxes") || !strings.Contains(b.Log.String(), "is this the right database") {
		t.Errorf("failed parts %v, log %s", r.FailedParts, b.Log)
	}
	b.ready()
	b.want(b.reconcile(), orphans, count{crowd, crowd, 0})
}
