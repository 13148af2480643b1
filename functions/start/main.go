// Command start is the function that accepts a job: a row, then a message. What
// is accepted will be built, or fail in words; the builder takes it from here.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/awsenv"
	"siesta/shared/env"
	"siesta/shared/job"
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
	db, err := postgres.Open(context.Background(), postgres.ReadConfig(r, awsenv.DatabaseLogin(cfg)))
	r.Check("DATABASE_URL", err)
	cache, err := redis.Open(redis.ReadConfig(r, awsenv.CacheLogin(cfg)))
	r.Check("REDIS_URL", err)
	store := jobs.NewStore(db, "", cache.Publish)
	secret := secrets.Opener(cfg, awsenv.Endpoint(os.Getenv, "SECRETS_MANAGER"))
	sealer, err := secrets.NewSealer(secret(r.OneOf("SEAL_KEY", "SEAL_KEY_SECRET")))
	r.Check("SEAL_KEY", err)
	h := handler{
		log: log, store: store, sealer: sealer,
		builds:    sqs.New(cfg, awsenv.Endpoint(os.Getenv, "SQS")).Queue(r.Required("BUILD_QUEUE_URL"), ""),
		allowed:   job.Allowed{Templates: r.List("TEMPLATES", job.DefaultTemplate), SourceBucket: r.String("SOURCE_BUCKET", "")},
		tierClaim: r.String("TIER_CLAIM", ""),
		deadline:  r.Seconds("BUILD_DEADLINE_SECONDS", job.DefaultDeadline, job.MinDeadline, job.MaxDeadline),
	}
	r.JSON("LIMITS", &h.limits)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(api.Handle(log, h.serve))
}
