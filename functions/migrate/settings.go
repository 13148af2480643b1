package main

import (
	"net/url"

	"siesta/shared/awsenv"
	"siesta/shared/env"
)

// settings are what the function reads from its environment.
type settings struct {
	LogLevel string
	Database *url.URL
	Password password // nil: the URL's
}

func readSettings(r *env.Reader) settings {
	address, err := parseURL(r.Required("DATABASE_URL"))
	r.Check("DATABASE_URL", err)
	s := settings{LogLevel: r.String("LOG_LEVEL", ""), Database: address}
	if r.Bool("DATABASE_IAM", false) {
		aws, err := awsenv.Load(r.Getenv)
		r.Check("DATABASE_IAM", err)
		s.Password = awsenv.DatabaseLogin(aws)
	}
	return s
}
