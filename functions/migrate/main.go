// Command migrate is the function that applies the embedded migrations: as a
// CloudFormation custom resource before the other functions change, and by
// hand. It owns golang-migrate and knows nothing of jobs.
package main

import (
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/awsenv"
	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/postgres/migrations"
)

func main() {
	log := logging.Setup(os.Stderr, os.Getenv("LOG_LEVEL"))
	r := env.New(os.Getenv)
	address, err := parseURL(r.Required("DATABASE_URL"))
	r.Check("DATABASE_URL", err)
	m := migrator{url: address, files: migrations.FS, log: log}
	if r.Bool("DATABASE_IAM", false) {
		cfg, err := awsenv.Load(os.Getenv)
		r.Check("DATABASE_IAM", err)
		m.password = awsenv.DatabaseLogin(cfg)
	}
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{migrator: m, client: &http.Client{Timeout: 5 * time.Second}}
	lambda.Start(h.Handle)
}
