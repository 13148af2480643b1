// Command resume is the function that wakes a preview: POST
// /api/generation/{job_id}/resume. It answers when the app does, or when its
// time is up; calling again goes on from there. docs/lifecycle.md has its rules.
package main

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/awsenv"
	"siesta/shared/e2b"
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
	store := jobs.NewStore(db, r.Required("STACK_TAG"), cache.Publish)
	secret := secrets.Opener(cfg, awsenv.Endpoint(os.Getenv, "SECRETS_MANAGER"))
	sealer, err := secrets.NewSealer(secret(r.OneOf("SEAL_KEY", "SEAL_KEY_SECRET")))
	r.Check("SEAL_KEY", err)
	sandboxes, err := e2b.New(e2b.ReadConfig(r, secret(r.OneOf("E2B_API_KEY", "E2B_API_KEY_SECRET")).Get))
	r.Check("E2B", err)
	pauses := sqs.New(cfg, awsenv.Endpoint(os.Getenv, "SQS")).Queue(r.Required("PAUSE_QUEUE_URL"), "")
	h := handler{log: log, store: store, pauses: pauses, e2b: sandboxes, sealer: sealer, times: callTimes}
	h.wakeTime = r.Seconds("WAKE_SECONDS", 10*time.Minute, job.MinWake, job.MaxWake)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(api.Handle(log, h.serve))
}
