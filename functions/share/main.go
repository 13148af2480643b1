// Command share is the function that makes links to a version's preview page, for
// people without a token, and ends them.
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
	"siesta/shared/postgres/shares"
	"siesta/shared/redis"
	"siesta/shared/secrets"
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
	h := handler{log: log, store: jobs.NewStore(db, "", nil), shares: shares.NewStore(db), cache: cache, links: secrets.NewLinks(sealer, s.StackTag)}
	lambda.Start(api.Handle(log, h.serve))
}
