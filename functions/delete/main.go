// Command delete is the function that deletes a version: the row says so first,
// then its sandbox ends and its kept code and log go. What an answer that did not come
// leaves undone, the next call does, or reconcile.
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
	"siesta/shared/s3"
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
	objects := s3.New(s.AWS, s.S3Endpoint)
	kept, err := objects.Store(s.SourceStore)
	r.Check("SOURCE_STORE", err)
	logStore, err := objects.Store(s.LogStore)
	r.Check("LOG_STORE", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{
		log: log, store: jobs.NewStore(db, s.StackTag, cache.Publish), cache: cache, e2b: sandboxes.Within(answerTime), stack: s.StackTag, kept: kept, logStore: logStore,
		builds: sqs.New(s.AWS, s.SQSEndpoint).Queue(s.BuildQueueURL, ""),
	}
	lambda.Start(api.Handle(log, h.serve))
}
