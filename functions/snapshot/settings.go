package main

import (
	"siesta/shared/awsenv"
	"siesta/shared/env"
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
	PauseQueueURL string
}

func readSettings(r *env.Reader) settings {
	aws, err := awsenv.Load(r.Getenv)
	r.Check("AWS", err)
	secret := secrets.Opener(r, aws)
	return settings{
		LogLevel:      r.String("LOG_LEVEL", ""),
		Metrics:       r.String("METRICS_NAMESPACE", ""),
		StackTag:      r.Required("STACK_TAG"),
		AWS:           aws,
		SQSEndpoint:   awsenv.Endpoint(r.Getenv, "SQS"),
		Database:      postgres.ReadConfig(r, secret, awsenv.DatabaseLogin(aws)),
		Cache:         redis.ReadConfig(r, secret, awsenv.CacheLogin(aws)),
		PauseQueueURL: r.Required("PAUSE_QUEUE_URL"),
	}
}
