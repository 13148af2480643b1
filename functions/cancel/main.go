// Command cancel is the function that ends a job that is under way. What its
// builder has still to notice, it notices at its next write.
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
		log: log, store: jobs.NewStore(db, "", cache.Publish), e2b: sandboxes.Within(answerTime), stack: s.StackTag,
		builds: sqs.New(s.AWS, s.SQSEndpoint).Queue(s.BuildQueueURL, ""),
	}
	lambda.Start(api.Handle(log, h.serve))
}
