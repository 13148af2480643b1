package main

import (
	"fmt"
	"strings"
	"testing"

	"siesta/proof/functiontest"
	"siesta/shared/job"
)

func TestOverTheDailyLimitAJobIsScheduled(t *testing.T) {
	b := setup(t)
	b.limits = job.TierLimits{job.Bootstrapper: {PerDay: 1}, "partner": {PerDay: 2}}
	first := b.start(event(good))
	code, second := b.call(event(good))
	unknown := b.start(functiontest.As(event(good), map[string]string{"sub": alice, "plan": "no_such"}))
	var partners []job.Job
	for range 3 {
		partners = append(partners, b.start(functiontest.As(event(good), map[string]string{"sub": "user_bob", "plan": "partner"})))
	}
	if partners[2].CreatedAt.UTC().Day() != first.CreatedAt.UTC().Day() {
		return // midnight came in between
	}
	b.want(6, 3)
	if code != 201 || second["status"] != "scheduled" || second["build_version"] != "build_v0_2" {
		t.Errorf("got %d %v", code, second)
	}
	if unknown.Status != job.Scheduled {
		t.Errorf("of an unknown tier the job is %s", unknown.Status)
	}
	for i, want := range []job.Status{job.Queued, job.Queued, job.Scheduled} {
		if j := partners[i]; j.Status != want || j.Tier != "partner" {
			t.Errorf("partner's job %d is %s of %s, want %s", i, j.Status, j.Tier, want)
		}
	}
}

func TestOverTheBoundOnWaitingJobsAStartIsRefused(t *testing.T) {
	b := setup(t)
	b.limits = job.TierLimits{job.Bootstrapper: {PerDay: 1, Waiting: 2}, "partner": {Waiting: 3}}
	b.start(event(good))
	b.start(keyed("k", good))
	code, body := b.call(event(good))
	if detail := fmt.Sprint(body["detail"]); code != 429 || !strings.Contains(detail, "wait to begin") || body["debug_id"] == nil {
		t.Errorf("got %d %v", code, body)
	}
	b.start(keyed("k", good))
	b.start(functiontest.As(event(good), map[string]string{"sub": alice, "plan": "partner"}))
	if n := b.jobs(); n != 3 {
		t.Errorf("%d jobs, want 3", n)
	}
}

func TestTheTierIsOneThatHasLimits(t *testing.T) {
	b := setup(t)
	b.limits = job.TierLimits{job.Bootstrapper: {PerDay: 9}, "cto_scale": {PerDay: 9}, "partner": {PerDay: 9}}
	for claim, want := range map[string]job.Tier{
		"partner":                  "partner",
		"[cto_scale]":              "cto_scale",
		"[beta partner cto_scale]": "partner",
		`["beta","cto_scale"]`:     "cto_scale",
		"[]":                       job.Bootstrapper,
		"[misspelt other]":         "misspelt",
		"misspelt":                 "misspelt",
	} {
		if j := b.start(functiontest.As(event(good), map[string]string{"sub": alice, "plan": claim})); j.Tier != want {
			t.Errorf("%s: the tier is %q, want %q", claim, j.Tier, want)
		}
	}
	if n := strings.Count(b.Log.String(), "LIMITS does not know this tier"); n != 1 {
		t.Errorf("an unknown tier was told of %d times, want once: %s", n, b.Log)
	}
}
