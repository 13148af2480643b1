// Command reconcile is the function that puts right whatever is stuck: every
// minute it brings Postgres, E2B, the queues and the cache together again.
// docs/lifecycle.md has its rules.
package main

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/postgres/sweep"
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
	queues := sqs.New(s.AWS, s.SQSEndpoint)
	h := handler{
		log: log, store: jobs.NewStore(db, s.StackTag, cache.Publish), progress: sweep.NewStore(db), cache: cache,
		e2b: sandboxes.Within(job.KillTime), builds: queues.Queue(s.BuildQueueURL, ""), pauses: queues.Queue(s.PauseQueueURL, ""),
		stack: s.StackTag, deadline: s.Deadline, kept: kept, logStore: logStore, keep: s.Keep, forgetAfter: time.Duration(s.ForgetDays) * 24 * time.Hour,
	}
	lambda.Start(h.Handle)
}
