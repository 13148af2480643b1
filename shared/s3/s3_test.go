package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"siesta/shared/job"
)

// serve answers as S3 does, with the bucket in the path.
func serve(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	endpoint := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // a name, as a real one has
	return New(aws.Config{
		Region:           "eu-central-1",
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	}, &endpoint)
}

func TestGetStreamsTheObject(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/sources/u1/app v1.tar.gz" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, "content")
	})
	object, err := c.Get(context.Background(), "s3://sources/u1/app v1.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = object.Close() }()
	if got, err := io.ReadAll(object); string(got) != "content" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestGetTellsBadArchivesFromOutages(t *testing.T) {
	fail := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>m</Message></Error>")
		}
	}
	tests := []struct {
		name, address string
		answer        http.HandlerFunc
		want          error
	}{
		{"missing", "s3://b/k", fail(404, "NoSuchKey"), job.ErrInvalid},
		{"forbidden", "s3://b/k", fail(403, "AccessDenied"), job.ErrInvalid},
		{"archived", "s3://b/k", fail(403, "InvalidObjectState"), job.ErrInvalid},
		{"no bucket", "s3://b/k", fail(404, "NoSuchBucket"), job.ErrInvalid},
		{"another region, told", "s3://b/k", fail(301, "PermanentRedirect"), job.ErrInvalid},
		{"another region, by the signature", "s3://b/k", fail(400, "AuthorizationHeaderMalformed"), job.ErrInvalid},
		{"our own fault", "s3://b/k", fail(403, "InvalidAccessKeyId"), job.ErrUnavailable},
		{"outage", "s3://b/k", fail(503, "SlowDown"), job.ErrUnavailable},
		{"no address", "https://b/k", nil, job.ErrInvalid},
		{"no key", "s3://b", nil, job.ErrInvalid},
		{"over the limit", "s3://b/k", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(maxObject+1))
		}, job.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			object, err := serve(t, tt.answer).Get(context.Background(), tt.address)
			if object != nil || !errors.Is(err, tt.want) {
				t.Errorf("err = %v, want %v", err, tt.want)
			}
		})
	}
}

// An object that does not go on is given up by its reader's own deadline.
func TestAStalledObjectIsAnOutage(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
	})
	object, err := c.Get(ctx, "s3://b/k")
	if err == nil {
		_, err = io.ReadAll(object)
		_ = object.Close()
	}
	if !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("err = %v, want job.ErrUnavailable", err)
	}
}

func TestAnObjectCutShortIsAnOutage(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	})
	object, err := c.Get(context.Background(), "s3://b/k")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = object.Close() }()
	if _, err := io.ReadAll(object); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("err = %v, want job.ErrUnavailable", err)
	}
}
