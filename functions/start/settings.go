package main

import (
	"time"

	"siesta/shared/awsenv"
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
	AWS           awsenv.Config
	SQSEndpoint   *string // nil: the region's own
	Database      postgres.Config
	Cache         redis.Config
	SealKey       *secrets.Source
	BuildQueueURL string
	Allowed       job.Allowed
	TierClaim     string // the token's claim that names the tier; "" for none
	Limits        job.TierLimits
	Deadline      time.Duration // of a build
}

func readSettings(r *env.Reader) settings {
	aws, err := awsenv.Load(r.Getenv)
	r.Check("AWS", err)
	secret := secrets.Opener(r, aws)
	s := settings{
		LogLevel:      r.String("LOG_LEVEL", ""),
		Metrics:       r.String("METRICS_NAMESPACE", ""),
		AWS:           aws,
		SQSEndpoint:   awsenv.Endpoint(r.Getenv, "SQS"),
		Database:      postgres.ReadConfig(r, secret, awsenv.DatabaseLogin(aws)),
		Cache:         redis.ReadConfig(r, secret, awsenv.CacheLogin(aws)),
		SealKey:       secret("SEAL_KEY"),
		BuildQueueURL: r.Required("BUILD_QUEUE_URL"),
		Allowed:       job.Allowed{Templates: r.List("TEMPLATES", job.DefaultTemplate), SourceBucket: r.String("SOURCE_BUCKET", "")},
		TierClaim:     r.String("TIER_CLAIM", ""),
		Deadline:      r.Seconds("BUILD_DEADLINE_SECONDS", job.DefaultDeadline, job.MinDeadline, job.MaxDeadline),
	}
	r.JSON("LIMITS", &s.Limits)
	return s
}
