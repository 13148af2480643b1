package secrets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

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

// Manager is the source of the secret with that ARN in Secrets Manager, whose
// value must be text. The endpoint is nil for AWS's own.
func Manager(cfg aws.Config, endpoint *string, arn string) *Source {
	client := secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) { o.BaseEndpoint = endpoint })
	return newSource(func(ctx context.Context) (string, error) {
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
		if err != nil {
			return "", err
		}
		value := strings.TrimSpace(aws.ToString(out.SecretString))
		if value == "" {
			return "", errors.New("the secret holds no text")
		}
		return value, nil
	})
}

// Opener returns a function that makes a Source of a value or, where arn is set,
// of a secret in Secrets Manager.
func Opener(cfg aws.Config, endpoint *string) func(value, arn string) *Source {
	return func(value, arn string) *Source {
		if arn != "" {
			return Manager(cfg, endpoint, arn)
		}
		return Fixed(value)
	}
}

func newSource(fetch func(context.Context) (string, error)) *Source {
	return &Source{fetch: fetch, turn: make(chan struct{}, 1)}
}

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
