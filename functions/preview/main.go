// Command preview is the function behind the page of share links: for people without a
// token, it shows a preview in a frame, and says where it is. It wakes nothing. It is
// what a visitor waits for first, so it opens nothing before it is needed.
package main

import (
	"context"
	"os"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/env"
	"siesta/shared/links"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/page"
	"siesta/shared/postgres"
	"siesta/shared/redis"
	"siesta/shared/secrets"
)

func main() {
	r := env.New(os.Getenv)
	s := readSettings(r)
	log := logging.Setup(os.Stderr, s.LogLevel)
	metrics.Setup(s.Metrics)
	cache, err := redis.Open(s.Cache)
	r.Check("REDIS_URL", err)
	sealer, err := secrets.NewSealer(s.SealKey)
	r.Check("SEAL_KEY", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	db := sync.OnceValues(func() (*postgres.DB, error) { return postgres.Open(context.Background(), s.Database) })
	h := handler{
		log: log, pages: page.New(s.Page),
		links: links.Opener{Log: log, Cache: cache, Links: secrets.NewLinks(sealer, s.StackTag), DB: db},
	}
	lambda.Start(api.Handle(log, h.serve))
}
