package main

import (
	"siesta/shared/awsenv"
	"siesta/shared/env"
	"siesta/shared/postgres"
	"siesta/shared/redis"
)

// settings are what the function reads from its environment.
type settings struct {
	LogLevel      string
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
	return settings{
		LogLevel:      r.String("LOG_LEVEL", ""),
		StackTag:      r.Required("STACK_TAG"),
		AWS:           aws,
		SQSEndpoint:   awsenv.Endpoint(r.Getenv, "SQS"),
		Database:      postgres.ReadConfig(r, awsenv.DatabaseLogin(aws)),
		Cache:         redis.ReadConfig(r, awsenv.CacheLogin(aws)),
		PauseQueueURL: r.Required("PAUSE_QUEUE_URL"),
	}
}
