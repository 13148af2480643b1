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
	LogLevel   string
	StackTag   string
	Metrics    string // their namespace
	AWS        awsenv.Config
	S3Endpoint *string // nil: the region's own
	Database   postgres.Config
	Cache      redis.Config
	SealKey    *secrets.Source
	LogStore   string // "": no log is kept
}

func readSettings(r *env.Reader) settings {
	aws, err := awsenv.Load(r.Getenv)
	r.Check("AWS", err)
	secret := secrets.Opener(r, aws)
	return settings{
		LogLevel:   r.String("LOG_LEVEL", ""),
		StackTag:   r.Required("STACK_TAG"),
		Metrics:    r.String("METRICS_NAMESPACE", ""),
		AWS:        aws,
		S3Endpoint: awsenv.Endpoint(r.Getenv, "S3"),
		Database:   postgres.ReadConfig(r, secret, awsenv.DatabaseLogin(aws)),
		Cache:      redis.ReadConfig(r, secret, awsenv.CacheLogin(aws)),
		SealKey:    secret("SEAL_KEY"),
		LogStore:   r.String("LOG_STORE", ""),
	}
}
