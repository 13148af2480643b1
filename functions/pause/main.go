// Command pause is the function that puts the sandbox of a READY or resumed
// job to sleep: each message of the pause queue is about one epoch of one
// sandbox. docs/lifecycle.md has its rules.
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
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

func main() {
	log := logging.Setup(os.Stderr, os.Getenv("LOG_LEVEL"))
	r := env.New(os.Getenv)
	cfg, err := awsenv.Load(os.Getenv)
	r.Check("AWS", err)
	database := postgres.ReadConfig(r, awsenv.DatabaseLogin(cfg))
	database.MaxConns = 4
	db, err := postgres.Open(context.Background(), database)
	r.Check("DATABASE_URL", err)
	cache, err := redis.Open(redis.ReadConfig(r, awsenv.CacheLogin(cfg)))
	r.Check("REDIS_URL", err)
	store := jobs.NewStore(db, r.Required("STACK_TAG"), cache.Publish)
	secret := secrets.Opener(cfg, awsenv.Endpoint(os.Getenv, "SECRETS_MANAGER"))
	sandboxes, err := e2b.New(e2b.ReadControl(r, secret(r.OneOf("E2B_API_KEY", "E2B_API_KEY_SECRET")).Get))
	r.Check("E2B", err)
	messages := sqs.New(cfg, awsenv.Endpoint(os.Getenv, "SQS")).Queue(r.Required("PAUSE_QUEUE_URL"), r.Required("PAUSE_DLQ_URL"))
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{log: log, store: store, cache: cache, messages: messages, e2b: sandboxes}
	lambda.Start(h.Handle)
}
