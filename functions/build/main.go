// Command build is the function that advances jobs: each message of the build
// queue is one turn of one job. docs/lifecycle.md has its rules.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/s3"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

func main() {
	log := logging.Setup(os.Stderr, os.Getenv("LOG_LEVEL"))
	r := env.New(os.Getenv)
	cfg, err := awsenv.Load(os.Getenv)
	r.Check("AWS", err)
	settings := readSettings(r)
	db, err := postgres.Open(context.Background(), postgres.ReadConfig(r, awsenv.DatabaseLogin(cfg)))
	r.Check("DATABASE_URL", err)
	cache, err := redis.Open(redis.ReadConfig(r, awsenv.CacheLogin(cfg)))
	r.Check("REDIS_URL", err)
	store := jobs.NewStore(db, settings.StackTag, cache.Publish)
	queues := sqs.New(cfg, awsenv.Endpoint(os.Getenv, "SQS"))
	secret := secrets.Opener(cfg, awsenv.Endpoint(os.Getenv, "SECRETS_MANAGER"))
	sealer, err := secrets.NewSealer(secret(r.OneOf("SEAL_KEY", "SEAL_KEY_SECRET")))
	r.Check("SEAL_KEY", err)
	sandboxes, err := e2b.New(e2b.ReadConfig(r, secret(r.OneOf("E2B_API_KEY", "E2B_API_KEY_SECRET")).Get))
	r.Check("E2B", err)
	h := handler{
		settings: settings, log: log, store: store, cache: cache, e2b: sandboxes, sealer: sealer,
		builds:  queues.Queue(r.Required("BUILD_QUEUE_URL"), r.Required("BUILD_DLQ_URL")),
		pauses:  queues.Queue(r.Required("PAUSE_QUEUE_URL"), ""),
		sources: s3.New(cfg, awsenv.Endpoint(os.Getenv, "S3")),
	}
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.Handle)
}
