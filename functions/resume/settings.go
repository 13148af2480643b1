package main

import (
	"time"

	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/redis"
	"siesta/shared/secrets"
)

// settings are what the function reads from its environment.
type settings struct {
	LogLevel      string
	Metrics       string // their namespace
	StackTag      string
	AWS           awsenv.Config
	SQSEndpoint   *string // nil: the region's own
	Database      postgres.Config
	Cache         redis.Config
	E2B           e2b.Config
	SealKey       *secrets.Source
	PauseQueueURL string
	Limits        job.TierLimits
	Wake          time.Duration // how long a resumed preview stays awake
}

func readSettings(r *env.Reader) settings {
	aws, err := awsenv.Load(r.Getenv)
	r.Check("AWS", err)
	secret := secrets.Opener(r, aws)
	s := settings{
		LogLevel:      r.String("LOG_LEVEL", ""),
		Metrics:       r.String("METRICS_NAMESPACE", ""),
		StackTag:      r.Required("STACK_TAG"),
		AWS:           aws,
		SQSEndpoint:   awsenv.Endpoint(r.Getenv, "SQS"),
		Database:      postgres.ReadConfig(r, secret, awsenv.DatabaseLogin(aws)),
		Cache:         redis.ReadConfig(r, secret, awsenv.CacheLogin(aws)),
		E2B:           e2b.ReadConfig(r, secret("E2B_API_KEY").Get),
		SealKey:       secret("SEAL_KEY"),
		PauseQueueURL: r.Required("PAUSE_QUEUE_URL"),
		Wake:          r.Seconds("WAKE_SECONDS", job.DefaultWake, job.MinWake, job.MaxWake),
	}
	r.JSON("LIMITS", &s.Limits)
	return s
}
