// Command preview is the function behind share links: a page for people without a
// token, which shows a preview in a frame, wakes it on a click and keeps it awake
// while somebody looks. To show the page wakes nothing.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/logs"
	"siesta/shared/metrics"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/postgres/shares"
	"siesta/shared/redis"
	"siesta/shared/s3"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
	"siesta/shared/wake"
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
	sandboxes, err := e2b.New(s.E2B)
	r.Check("E2B", err)
	archive, err := s3.New(s.AWS, s.S3Endpoint).Store(s.LogStore)
	r.Check("LOG_STORE", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	waker := &wake.Waker{
		Log: log, Store: jobs.NewStore(db, s.StackTag, cache.Publish), Cache: cache, E2B: sandboxes, Sealer: sealer,
		Pauses: sqs.New(s.AWS, s.SQSEndpoint).Queue(s.PauseQueueURL, ""), Limits: s.Limits, Time: s.Wake, Times: wake.CallTimes,
	}
	reader := logs.Reader{Live: cache}
	if archive != nil {
		reader.Archive = archive
	}
	h := handler{
		log: log, waker: waker, shares: shares.NewStore(db), links: secrets.NewLinks(sealer, s.StackTag), logs: reader,
		allowed: s.Allowed, page: newPage(sandboxes.Previews(), s.Ancestors, s.View),
	}
	lambda.Start(api.Handle(log, h.serve))
}
