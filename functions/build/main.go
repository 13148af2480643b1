// Command build is the function that advances jobs: each message of the build
// queue is one turn of one job. docs/lifecycle.md has its rules.
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
	"siesta/shared/s3"
	"siesta/shared/secrets"
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
	sealer, err := secrets.NewSealer(s.SealKey)
	r.Check("SEAL_KEY", err)
	sandboxes, err := e2b.New(s.E2B)
	r.Check("E2B", err)
	objects := s3.New(s.AWS, s.S3Endpoint)
	kept, err := objects.Store(s.SourceStore)
	r.Check("SOURCE_STORE", err)
	logStore, err := objects.Store(s.LogStore)
	r.Check("LOG_STORE", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	queues := sqs.New(s.AWS, s.SQSEndpoint)
	h := handler{
		settings: s, log: log, store: jobs.NewStore(db, s.StackTag, cache.Publish), cache: cache, e2b: sandboxes, sealer: sealer,
		builds:  queues.Queue(s.BuildQueueURL, s.BuildDLQURL),
		pauses:  queues.Queue(s.PauseQueueURL, ""),
		sources: objects, kept: kept, logStore: logStore,
	}
	lambda.Start(h.Handle)
}
