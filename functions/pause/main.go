// Command pause is the function that puts the sandbox of a READY or resumed
// job to sleep: each message of the pause queue is about one epoch of one
// sandbox. docs/lifecycle.md has its rules.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/sqs"
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
	sandboxes, err := e2b.New(s.E2B)
	r.Check("E2B", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{
		log: log, store: jobs.NewStore(db, s.StackTag, cache.Publish), cache: cache, e2b: sandboxes,
		messages: sqs.New(s.AWS, s.SQSEndpoint).Queue(s.PauseQueueURL, s.PauseDLQURL),
	}
	lambda.Start(h.Handle)
}
