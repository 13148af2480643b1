package main

import (
	"time"

	"siesta/shared/env"
	"siesta/shared/job"
)

// settings are what a stack decides about its builds.
type settings struct {
	StackTag   string
	Domain     string // previews are below it
	Allowed    job.Allowed
	Limits     job.TierLimits
	Deadline   time.Duration
	PauseAfter time.Duration
}

func readSettings(r *env.Reader) settings {
	s := settings{
		StackTag:   r.Required("STACK_TAG"),
		Domain:     r.String("E2B_DOMAIN", "e2b.app"),
		Allowed:    job.Allowed{Templates: r.List("TEMPLATES", "base"), SourceBucket: r.String("SOURCE_BUCKET", "")},
		Deadline:   r.Seconds("BUILD_DEADLINE_SECONDS", time.Hour, time.Minute, 24*time.Hour),
		PauseAfter: r.Seconds("PAUSE_AFTER_SECONDS", 0, 0, 15*time.Minute),
	}
	r.JSON("LIMITS", &s.Limits)
	return s
}
