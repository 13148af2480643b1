// Command snapshot is the function that asks for a pause now. The pause itself
// is the pause function's work.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/awsenv"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/sqs"
)

func main() {
	log := logging.Setup(os.Stderr, os.Getenv("LOG_LEVEL"))
	r := env.New(os.Getenv)
	cfg, err := awsenv.Load(os.Getenv)
	r.Check("AWS", err)
	db, err := postgres.Open(context.Background(), postgres.ReadConfig(r, awsenv.DatabaseLogin(cfg)))
	r.Check("DATABASE_URL", err)
	cache, err := redis.Open(redis.ReadConfig(r, awsenv.CacheLogin(cfg)))
	r.Check("REDIS_URL", err)
	store := jobs.NewStore(db, r.Required("STACK_TAG"), cache.Publish)
	pauses := sqs.New(cfg, awsenv.Endpoint(os.Getenv, "SQS")).Queue(r.Required("PAUSE_QUEUE_URL"), "")
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{log: log, store: store, pauses: pauses}
	lambda.Start(api.Handle(log, h.serve))
}
