package main

import (
	"errors"
	"net/url"
	"time"

	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/env"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/redis"
	"siesta/shared/secrets"
)

// settings are what the function reads from its environment.
type settings struct {
	LogLevel      string
	Metrics       string // their namespace
	StackTag      string
	AWS           awsenv.Config
	SQSEndpoint   *string // nil: the region's own
	S3Endpoint    *string // the same
	Database      postgres.Config
	Cache         redis.Config
	E2B           e2b.Config
	SealKey       *secrets.Source
	PauseQueueURL string
	LogStore      string // "": no log is kept
	Limits        job.TierLimits
	Wake          time.Duration // how long a woken preview stays awake
	View          time.Duration // until a page that nobody touches asks whether anybody looks
	Allowed       redis.Allowance
	Ancestors     []string // origins whose pages may have ours in a frame
}

func readSettings(r *env.Reader) settings {
	aws, err := awsenv.Load(r.Getenv)
	r.Check("AWS", err)
	secret := secrets.Opener(r, aws)
	s := settings{
		LogLevel:      r.String("LOG_LEVEL", ""),
		Metrics:       r.String("METRICS_NAMESPACE", ""),
		StackTag:      r.Required("STACK_TAG"),
		AWS:           aws,
		SQSEndpoint:   awsenv.Endpoint(r.Getenv, "SQS"),
		S3Endpoint:    awsenv.Endpoint(r.Getenv, "S3"),
		Database:      postgres.ReadConfig(r, secret, awsenv.DatabaseLogin(aws)),
		Cache:         redis.ReadConfig(r, secret, awsenv.CacheLogin(aws)),
		E2B:           e2b.ReadConfig(r, secret("E2B_API_KEY").Get),
		SealKey:       secret("SEAL_KEY"),
		PauseQueueURL: r.Required("PAUSE_QUEUE_URL"),
		LogStore:      r.String("LOG_STORE", ""),
		Wake:          r.Seconds("WAKE_SECONDS", job.DefaultWake, job.MinWake, job.MaxWake),
		View:          r.Seconds("VIEW_SECONDS", time.Hour, time.Minute, 24*time.Hour),
		Ancestors:     r.List("FRAME_ANCESTORS"),
	}
	s.Allowed = redis.Allowance{
		WakesPerHour: r.Int("LINK_WAKES_PER_HOUR", 60, 0, 100_000),
		AwakePerDay:  r.Seconds("LINK_AWAKE_SECONDS_PER_DAY", 8*time.Hour, 0, 30*24*time.Hour),
	}
	if s.Allowed.AwakePerDay > 0 && s.Allowed.AwakePerDay < s.Wake {
		r.Check("LINK_AWAKE_SECONDS_PER_DAY", errors.New("must be 0, or at least WAKE_SECONDS"))
	}
	r.JSON("LIMITS", &s.Limits)
	for _, origin := range s.Ancestors {
		r.Check("FRAME_ANCESTORS", checkOrigin(origin))
	}
	return s
}

// checkOrigin refuses what is no origin: it would be a part of the page's policy.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
		return errors.New("must be origins such as https://app.example.com, with commas between them")
	}
	return nil
}
