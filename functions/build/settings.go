package main

import (
	"time"

	"siesta/shared/env"
	"siesta/shared/job"
)

// settings are what a stack decides about its builds.
type settings struct {
	StackTag   string
	Allowed    job.Allowed
	Limits     job.TierLimits
	Deadline   time.Duration
	PauseAfter time.Duration
}

func readSettings(r *env.Reader) settings {
	s := settings{
		StackTag:   r.Required("STACK_TAG"),
		Allowed:    job.Allowed{Templates: r.List("TEMPLATES", job.DefaultTemplate), SourceBucket: r.String("SOURCE_BUCKET", "")},
		Deadline:   r.Seconds("BUILD_DEADLINE_SECONDS", job.DefaultDeadline, job.MinDeadline, job.MaxDeadline),
		PauseAfter: r.Seconds("PAUSE_AFTER_SECONDS", 0, 0, job.MaxPauseAfter),
	}
	r.JSON("LIMITS", &s.Limits)
	return s
}
