// Command reconcile is the function that puts right whatever is stuck: every
// minute it brings Postgres, E2B, the queues and the cache together again.
// docs/lifecycle.md has its rules.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/postgres/sweep"
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
	stack := r.Required("STACK_TAG")
	store := jobs.NewStore(db, stack, cache.Publish)
	secret := secrets.Opener(cfg, awsenv.Endpoint(os.Getenv, "SECRETS_MANAGER"))
	sandboxes, err := e2b.New(e2b.ReadControl(r, secret(r.OneOf("E2B_API_KEY", "E2B_API_KEY_SECRET")).Get))
	r.Check("E2B", err)
	queues := sqs.New(cfg, awsenv.Endpoint(os.Getenv, "SQS"))
	h := handler{
		log: log, store: store, progress: sweep.NewStore(db), cache: cache, e2b: sandboxes.Within(job.KillTime),
		builds: queues.Queue(r.Required("BUILD_QUEUE_URL"), ""), pauses: queues.Queue(r.Required("PAUSE_QUEUE_URL"), ""),
		stack: stack, deadline: r.Seconds("BUILD_DEADLINE_SECONDS", job.DefaultDeadline, job.MinDeadline, job.MaxDeadline),
	}
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.Handle)
}
