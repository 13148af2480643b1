// Command logs is the function that tells what a build has printed: from the cache
// while that has it, else from the archive of finished jobs. It opens Postgres only
// when the cache does not know whose job it is.
package main

import (
	"context"
	"os"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/logs"
	"siesta/shared/metrics"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/s3"
)

func main() {
	r := env.New(os.Getenv)
	s := readSettings(r)
	log := logging.Setup(os.Stderr, s.LogLevel)
	metrics.Setup(s.Metrics)
	cache, err := redis.Open(s.Cache)
	r.Check("REDIS_URL", err)
	archive, err := s3.New(s.AWS, s.S3Endpoint).Store(s.LogStore)
	r.Check("LOG_STORE", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	reader := logs.Reader{Live: cache}
	if archive != nil {
		reader.Archive = archive
	}
	h := handler{log: log, cache: cache, logs: reader, store: sync.OnceValues(func() (*jobs.Store, error) {
		db, err := postgres.Open(context.Background(), s.Database)
		return jobs.NewStore(db, "", nil), err // it only reads: there is nothing to publish
	})}
	lambda.Start(api.Handle(log, h.serve))
}
