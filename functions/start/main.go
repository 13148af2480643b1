// Command start is the function that accepts a job: a row, then a message. What
// is accepted will be built, or fail in words; the builder takes it from here.
package main

import (
	"context"
	"os"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
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
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{
		log: log, store: jobs.NewStore(db, "", cache.Publish), sealer: sealer,
		builds:  sqs.New(s.AWS, s.SQSEndpoint).Queue(s.BuildQueueURL, ""),
		allowed: s.Allowed, tierClaim: s.TierClaim, limits: s.Limits, unknown: &sync.Map{}, deadline: s.Deadline,
	}
	lambda.Start(api.Handle(log, h.serve))
}
