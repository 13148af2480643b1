package main

import (
	"siesta/shared/awsenv"
	"siesta/shared/env"
	"siesta/shared/page"
	"siesta/shared/postgres"
	"siesta/shared/redis"
	"siesta/shared/secrets"
)

// settings are what the function reads from its environment.
type settings struct {
	LogLevel string
	Metrics  string // their namespace
	StackTag string
	Database postgres.Config
	Cache    redis.Config
	SealKey  *secrets.Source
	Page     page.Config
}

func readSettings(r *env.Reader) settings {
	aws, err := awsenv.Load(r.Getenv)
	r.Check("AWS", err)
	secret := secrets.Opener(r, aws)
	return settings{
		LogLevel: r.String("LOG_LEVEL", ""),
		Metrics:  r.String("METRICS_NAMESPACE", ""),
		StackTag: r.Required("STACK_TAG"),
		Database: postgres.ReadConfig(r, secret, awsenv.DatabaseLogin(aws)),
		Cache:    redis.ReadConfig(r, secret, awsenv.CacheLogin(aws)),
		SealKey:  secret("SEAL_KEY"),
		Page:     page.ReadConfig(r),
	}
}
