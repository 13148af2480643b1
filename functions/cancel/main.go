// Command cancel is the function that ends a job that is under way. What its
// builder has still to notice, it notices at its next write.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/secrets"
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
	store := jobs.NewStore(db, "", cache.Publish)
	secret := secrets.Opener(cfg, awsenv.Endpoint(os.Getenv, "SECRETS_MANAGER"))
	sandboxes, err := e2b.New(e2b.ReadControl(r, secret(r.OneOf("E2B_API_KEY", "E2B_API_KEY_SECRET")).Get))
	r.Check("E2B", err)
	h := handler{log: log, store: store, e2b: sandboxes, stack: r.Required("STACK_TAG")}
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h.e2b = h.e2b.Within(answerTime)
	lambda.Start(api.Handle(log, h.serve))
}
