// Command status is the function that tells where a job is: from the cache,
// else from Postgres. It runs at every poll, so it opens nothing before it is
// needed, and loads nothing of AWS unless it has to log on by IAM.
package main

import (
	"context"
	"os"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/awsenv"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/postgres"
	"siesta/shared/redis"
)

func main() {
	log := logging.Setup(os.Stderr, os.Getenv("LOG_LEVEL"))
	r := env.New(os.Getenv)
	database := postgres.Config{URL: r.RequiredURL("DATABASE_URL", "postgres", "postgresql")}
	if r.Bool("DATABASE_IAM", false) {
		cfg, err := awsenv.Load(os.Getenv)
		r.Check("DATABASE_IAM", err)
		database.Password = awsenv.DatabaseLogin(cfg)
	}
	caching := redis.Config{URL: r.RequiredURL("REDIS_URL", "redis", "rediss"), Cluster: r.Bool("REDIS_CLUSTER", false)}
	if user := r.String("REDIS_IAM_USER", ""); user != "" {
		cfg, err := awsenv.Load(os.Getenv)
		r.Check("REDIS_IAM_USER", err)
		caching.Credentials = awsenv.CacheLogin(cfg, caching.URL, r.Required("REDIS_IAM_CACHE"), user)
	}
	cache, err := redis.Open(caching)
	r.Check("REDIS_URL", err)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	h := handler{log: log, cache: cache, store: sync.OnceValues(func() (*postgres.Store, error) {
		return postgres.Open(context.Background(), database)
	})}
	lambda.Start(api.Handle(log, h.serve))
}
