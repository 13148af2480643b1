// Command status is the function that tells where a job is: from the cache,
// else from Postgres; and whether both can be reached. It runs at every poll, so it
// opens nothing before it is needed.
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
)

func main() {
	r := env.New(os.Getenv)
	s := readSettings(r)
	log := logging.Setup(os.Stderr, s.LogLevel)
	metrics.Setup(s.Metrics)
	cache, err := redis.Open(s.Cache)
	r.Check("REDIS_URL", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{log: log, cache: cache, seen: &health{}, store: sync.OnceValues(func() (*jobs.Store, error) {
		db, err := postgres.Open(context.Background(), s.Database)
		return jobs.NewStore(db, "", nil), err // it only reads: there is nothing to publish
	})}
	lambda.Start(api.Handle(log, h.serve))
}
