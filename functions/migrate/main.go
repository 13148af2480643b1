// Command migrate is the function that applies the embedded migrations: as a
// CloudFormation custom resource before the other functions change, and by
// hand. It owns golang-migrate and knows nothing of jobs.
package main

import (
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"siesta/shared/env"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres/migrations"
)

func main() {
	r := env.New(os.Getenv)
	s := readSettings(r)
	log := logging.Setup(os.Stderr, s.LogLevel)
	metrics.Setup(s.Metrics)
	if err := r.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	h := handler{
		migrator: migrator{database: s.Database, password: s.Password, files: migrations.FS, log: log},
		client:   &http.Client{Timeout: 5 * time.Second},
	}
	lambda.Start(h.Handle)
}
