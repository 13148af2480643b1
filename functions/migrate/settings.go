package main

import (
	"context"
	"fmt"
	"net/url"

	"siesta/shared/awsenv"
	"siesta/shared/env"
	"siesta/shared/postgres"
	"siesta/shared/secrets"
)

// settings are what the function reads from its environment.
type settings struct {
	LogLevel string
	Metrics  string // their namespace
	Database address
	Password password // nil: the URL's
}

// address returns where the database is, as it is now.
type address func(context.Context) (*url.URL, error)

func readSettings(r *env.Reader) settings {
	aws, err := awsenv.Load(r.Getenv)
	r.Check("AWS", err)
	source := secrets.Opener(r, aws)("DATABASE_URL")
	s := settings{LogLevel: r.String("LOG_LEVEL", ""), Metrics: r.String("METRICS_NAMESPACE", ""), Database: fromSecret(source)}
	if !source.Rotates() {
		u, err := parseURL(r.Getenv("DATABASE_URL"))
		r.Check("DATABASE_URL", err)
		s.Database = known(u)
	}
	if r.Bool("DATABASE_IAM", false) {
		s.Password = awsenv.DatabaseLogin(aws)
	}
	return s
}

func known(u *url.URL) address { return func(context.Context) (*url.URL, error) { return u, nil } }

// fromSecret reads the address anew each time: the function runs seldom, and a
// secret that it knew would be an old one.
func fromSecret(source *secrets.Source) address {
	return func(ctx context.Context) (*url.URL, error) {
		text, err := source.Get(ctx, true)
		if err != nil {
			return nil, err
		}
		safe, err := postgres.Secure(text.Reveal())
		if err != nil {
			return nil, fmt.Errorf("DATABASE_URL_SECRET: %w", err)
		}
		return parseURL(safe)
	}
}
