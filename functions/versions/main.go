// Command versions is the function that tells of a project's versions: the list,
// the one that counts, and the code of one; and that brings an earlier one back, as
// it stands or built again.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
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
	kept, err := s3.New(s.AWS, s.S3Endpoint).Store(s.SourceStore)
	r.Check("SOURCE_STORE", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{
		settings: s, log: log, store: jobs.NewStore(db, "", cache.Publish), cache: cache, sealer: sealer, kept: kept,
		builds: sqs.New(s.AWS, s.SQSEndpoint).Queue(s.BuildQueueURL, ""),
	}
	lambda.Start(api.Handle(log, h.serve))
}
