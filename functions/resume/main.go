// Command resume is the function that wakes a preview: POST
// /api/generation/{job_id}/resume. It answers when the app does, or when its
// time is up; calling again goes on from there. docs/lifecycle.md has its rules.
package main

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/api"
	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/postgres"
	"siesta/shared/redis"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

func main() {
	log := logging.Setup(os.Stderr, os.Getenv("LOG_LEVEL"))
	r := env.New(os.Getenv)
	cfg, err := awsenv.Load(os.Getenv)
	r.Check("AWS", err)
	database := postgres.Config{URL: r.RequiredURL("DATABASE_URL", "postgres", "postgresql"), Stack: r.Required("STACK_TAG")}
	if r.Bool("DATABASE_IAM", false) {
		database.Password = awsenv.DatabaseLogin(cfg)
	}
	store, err := postgres.Open(context.Background(), database)
	r.Check("DATABASE_URL", err)
	caching := redis.Config{URL: r.RequiredURL("REDIS_URL", "redis", "rediss"), Cluster: r.Bool("REDIS_CLUSTER", false)}
	if user := r.String("REDIS_IAM_USER", ""); user != "" {
		caching.Credentials = awsenv.CacheLogin(cfg, caching.URL, r.Required("REDIS_IAM_CACHE"), user)
	}
	cache, err := redis.Open(caching)
	r.Check("REDIS_URL", err)
	secret := secrets.Opener(cfg, awsenv.Endpoint(os.Getenv, "SECRETS_MANAGER"))
	sealer, err := secrets.NewSealer(secret(r.OneOf("SEAL_KEY", "SEAL_KEY_SECRET")))
	r.Check("SEAL_KEY", err)
	domain := r.String("E2B_DOMAIN", "e2b.app")
	sandboxes, err := e2b.New(e2b.Config{
		APIURL: r.URL("E2B_API_URL", "https://api.e2b.app", "https", "http"), Version: e2b.Version(r.Choice("E2B_API_VERSION", "v2", "v1", "v2")),
		SandboxURL: r.URL("E2B_SANDBOX_URL", "", "https", "http"), Domain: domain, Key: secret(r.OneOf("E2B_API_KEY", "E2B_API_KEY_SECRET")).Get,
	})
	r.Check("E2B", err)
	pauses := sqs.New(cfg, awsenv.Endpoint(os.Getenv, "SQS")).Queue(r.Required("PAUSE_QUEUE_URL"), "")
	h := handler{log: log, store: store, cache: cache, pauses: pauses, e2b: sandboxes, sealer: sealer, domain: domain, patience: answerTime}
	h.wake = r.Seconds("WAKE_SECONDS", 10*time.Minute, 2*postgres.OpTime, maxWake)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(api.Handle(log, h.serve))
}
