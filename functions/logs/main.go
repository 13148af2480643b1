// Command logs is the function that tells what a build has printed, to its owner and to
// who has a link that shows it: from the cache while that has it, else from the archive
// of finished jobs. It opens Postgres only when the cache does not know whose job it is.
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
	"siesta/shared/logs"
	"siesta/shared/metrics"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/s3"
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
	db := sync.OnceValues(func() (*postgres.DB, error) { return postgres.Open(context.Background(), s.Database) })
	h := handler{
		log: log, cache: cache, logs: reader, links: links.Opener{Log: log, Cache: cache, Links: secrets.NewLinks(sealer, s.StackTag), DB: db},
		store: func() (*jobs.Store, error) {
			db, err := db()
			return jobs.NewStore(db, "", nil), err // it only reads: there is nothing to publish
		},
	}
	lambda.Start(api.Handle(log, h.serve))
}
