package secrets

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"siesta/shared/awsenv"
	"siesta/shared/env"
	"siesta/shared/job"
)

const (
	ttl          = 10 * time.Minute // so a rotated secret is noticed without a refusal
	fetchTimeout = 3 * time.Second
	fetchPause   = 30 * time.Second // before a failed fetch is tried again
)

// Source gives a secret. It fetches when first asked, and keeps what it got.
// It is safe for concurrent use; callers at the same time share one fetch.
type Source struct {
	fetch func(context.Context) (string, error) // nil: value never changes
	turn  chan struct{}                         // held by the caller who may fetch, and who reads or writes what follows
	value Text
	until time.Time // value is good until then
	got   time.Time // when value was fetched
}

// Fixed is the source of a secret that is known from the start.
func Fixed(value string) *Source { return &Source{value: NewText(value)} }

// Opener returns a function that makes the Source of a setting: of its value, or
// of the secret that the setting of its name and _SECRET gives by ARN. That is read
// when it is first needed. Its text is the value, or else it is JSON, whose field
// has the setting's name or the one that follows the ARN and a #.
func Opener(r *env.Reader, cfg awsenv.Config) func(name string) *Source {
	m := newManager(cfg, awsenv.Endpoint(r.Getenv, "SECRETS_MANAGER"))
	return func(name string) *Source {
		value, secret := r.OneOf(name, name+"_SECRET")
		if secret == "" {
			return Fixed(value)
		}
		return newSource(func(ctx context.Context) (string, error) {
			arn, field, _ := strings.Cut(secret, "#")
			text, err := m.text(ctx, arn)
			if err == nil {
				text, err = pick(text, cmp.Or(field, name))
			}
			if err != nil {
				return "", fmt.Errorf("%s_SECRET: %w", name, err)
			}
			return text, nil
		})
	}
}

func newSource(fetch func(context.Context) (string, error)) *Source {
	return &Source{fetch: fetch, turn: make(chan struct{}, 1)}
}

// Rotates reports whether the secret may change, as one of Secrets Manager may.
func (s *Source) Rotates() bool { return s.fetch != nil }

// Get returns the secret. With refresh it is fetched anew, for a caller whose
// last one was refused; without, it may be some minutes old, and older while
// Secrets Manager cannot be reached. The error matches job.ErrUnavailable.
func (s *Source) Get(ctx context.Context, refresh bool) (Text, error) {
	if s.fetch == nil {
		return s.value, nil
	}
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return Text{}, fmt.Errorf("wait for secret: %w: %w", job.ErrUnavailable, ctx.Err())
	}
	fresh := s.until.After(asked)
	if refresh {
		fresh = s.got.After(asked) // by another caller, while this one waited
	}
	if fresh {
		return s.value, nil
	}
	value, err := s.fetch(ctx)
	if err != nil {
		if !refresh && !s.value.Empty() {
			s.until = time.Now().Add(fetchPause)
			return s.value, nil
		}
		return Text{}, fmt.Errorf("fetch secret: %w: %w", job.ErrUnavailable, err)
	}
	s.value, s.got = NewText(value), time.Now()
	s.until = s.got.Add(ttl)
	return s.value, nil
}
