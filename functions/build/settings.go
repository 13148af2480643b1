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
	S3Endpoint    *string // nil: the region's own
	Database      postgres.Config
	Cache         redis.Config
	E2B           e2b.Config
	SealKey       *secrets.Source
	BuildQueueURL string
	BuildDLQURL   string
	PauseQueueURL string
	SourceStore   string // "": what is built is not kept
	LogStore      string // "": no log outlives the cache
	Allowed       job.Allowed
	Limits        job.TierLimits
	Deadline      time.Duration // of a build
	PauseAfter    time.Duration // from READY to the pause
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
		S3Endpoint:    awsenv.Endpoint(r.Getenv, "S3"),
		Database:      postgres.ReadConfig(r, secret, awsenv.DatabaseLogin(aws)),
		Cache:         redis.ReadConfig(r, secret, awsenv.CacheLogin(aws)),
		E2B:           e2b.ReadConfig(r, secret("E2B_API_KEY").Get),
		SealKey:       secret("SEAL_KEY"),
		BuildQueueURL: r.Required("BUILD_QUEUE_URL"),
		BuildDLQURL:   r.Required("BUILD_DLQ_URL"),
		PauseQueueURL: r.Required("PAUSE_QUEUE_URL"),
		SourceStore:   r.String("SOURCE_STORE", ""),
		LogStore:      r.String("LOG_STORE", ""),
		Allowed:       job.Allowed{Templates: r.List("TEMPLATES", job.DefaultTemplate), SourceBucket: r.String("SOURCE_BUCKET", "")},
		Deadline:      r.Seconds("BUILD_DEADLINE_SECONDS", job.DefaultDeadline, job.MinDeadline, job.MaxDeadline),
		PauseAfter:    r.Seconds("PAUSE_AFTER_SECONDS", 0, 0, job.MaxPauseAfter),
	}
	r.JSON("LIMITS", &s.Limits)
	return s
}
