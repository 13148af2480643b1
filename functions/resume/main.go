// Command resume is the function that wakes a preview: POST
// /api/generation/{job_id}/resume. It answers when the app does, or when its
// time is up; calling again goes on from there. docs/lifecycle.md has its rules.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
	"siesta/shared/wake"
)

func main() {
	r := env.New(os.Getenv)
	s := readSettings(r)
	log := logging.Setup(os.Stderr, s.LogLevel)
	metrics.Setup(s.Metrics)
	db, err := postgres.Open(context.Background(), s.Database)
	r.Check("DATABASE_URL", err)
	cache, err := redis.Open(s.Cache)
	r.Check("REDIS_URL", err)
	sealer, err := secrets.NewSealer(s.SealKey)
	r.Check("SEAL_KEY", err)
	sandboxes, err := e2b.New(s.E2B)
	r.Check("E2B", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{&wake.Waker{
		Log: log, Store: jobs.NewStore(db, s.StackTag, cache.Publish), Cache: cache, E2B: sandboxes, Sealer: sealer,
		Pauses: sqs.New(s.AWS, s.SQSEndpoint).Queue(s.PauseQueueURL, ""), Limits: s.Limits, Time: s.Wake, Times: wake.CallTimes,
	}}
	lambda.Start(api.Handle(log, h.serve))
}
