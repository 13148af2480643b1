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
	BuildQueueURL string
	PauseQueueURL string
	Deadline      time.Duration // of a build
	S3Endpoint    *string       // nil: the region's own
	SourceStore   string        // "": no code is kept
	LogStore      string        // "": no log is kept
	Keep          int           // versions of a project that keep their sandboxes; 0: all
	ForgetDays    int           // after which the rows of deleted versions are removed
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
		E2B:           e2b.ReadControl(r, secret("E2B_API_KEY").Get),
		BuildQueueURL: r.Required("BUILD_QUEUE_URL"),
		PauseQueueURL: r.Required("PAUSE_QUEUE_URL"),
		Deadline:      r.Seconds("BUILD_DEADLINE_SECONDS", job.DefaultDeadline, job.MinDeadline, job.MaxDeadline),
		S3Endpoint:    awsenv.Endpoint(r.Getenv, "S3"),
		SourceStore:   r.String("SOURCE_STORE", ""),
		LogStore:      r.String("LOG_STORE", ""),
		Keep:          r.Int("KEEP_SANDBOXES", 3, 0, 1000),
		ForgetDays:    r.Int("FORGET_DAYS", 30, 1, 3650),
	}
	s.Database.MaxConns = 4
	return s
}
