package secrets

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"siesta/shared/job"
)

// store is a secret that tests change, and the count of its fetches.
type store struct {
	value   string
	err     error
	delay   time.Duration
	fetches int
}

func (s *store) source() *Source {
	return newSource(func(ctx context.Context) (string, error) {
		s.fetches++
		select {
		case <-time.After(s.delay):
			return s.value, s.err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
}

func wantSecret(t *testing.T, s *Source, refresh bool, want string) {
	t.Helper()
	got, err := s.Get(context.Background(), refresh)
	if err != nil || got.Reveal() != want {
		t.Errorf("got %q, %v, want %q", got.Reveal(), err, want)
	}
}

func TestASecretIsKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{value: "old"}
		s := st.source()
		wantSecret(t, s, false, "old")
		st.value = "new"
		wantSecret(t, s, false, "old")
		time.Sleep(ttl + time.Second) // the bubble's clock
		wantSecret(t, s, false, "new")
		st.value = "newer"
		wantSecret(t, s, true, "newer")
		if st.fetches != 3 {
			t.Errorf("fetches = %d, want 3", st.fetches)
		}
	})
}

func TestAnOldSecretOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{value: "old"}
		s := st.source()
		wantSecret(t, s, false, "old")
		st.err = errors.New("down")
		time.Sleep(ttl + time.Second)
		wantSecret(t, s, false, "old")
		wantSecret(t, s, false, "old")
		if st.fetches != 2 {
			t.Errorf("fetches = %d, want 2: each call must not pay for the outage", st.fetches)
		}
		if _, err := s.Get(context.Background(), true); !errors.Is(err, job.ErrUnavailable) {
			t.Errorf("refresh: err = %v, want job.ErrUnavailable", err)
		}
		st.value, st.err = "new", nil
		time.Sleep(fetchPause + time.Second)
		wantSecret(t, s, false, "new")
	})
}

func TestCallersAtOnceShareAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{value: "v", delay: time.Second}
		s := st.source()
		for _, refresh := range []bool{false, true} {
			st.fetches = 0
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() { wantSecret(t, s, refresh, "v") })
			}
			wg.Wait()
			if st.fetches != 1 {
				t.Errorf("refresh %v: fetches = %d, want 1", refresh, st.fetches)
			}
		}
	})
}

func TestGetHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{value: "v", delay: time.Hour}
		s := st.source()
		var wg sync.WaitGroup
		for range 2 { // the second one waits for the first one's fetch
			wg.Go(func() {
				began := time.Now()
				_, err := s.Get(context.Background(), false)
				if !errors.Is(err, job.ErrUnavailable) || time.Since(began) > 2*fetchTimeout {
					t.Errorf("err = %v after %v", err, time.Since(began))
				}
			})
		}
		wg.Wait()
	})
}

func TestManagerReadsTheSecretByARN(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:e2b-AbCdEf"
	secrets := map[string]map[string]any{
		arn:      {"SecretString": "  e2b_0123\n"},
		"binary": {"SecretBinary": []byte("x")},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ SecretId string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		out, ok := secrets[in.SecretId]
		if !ok || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
			w.WriteHeader(http.StatusBadRequest)
			out = map[string]any{"__type": "ResourceNotFoundException"}
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	defer server.Close()
	cfg := aws.Config{
		Region: "eu-central-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	}
	open := Opener(cfg, &server.URL)
	wantSecret(t, open("", arn), false, "e2b_0123")
	wantSecret(t, open("e2b_4567", ""), false, "e2b_4567")
	for _, bad := range []string{"binary", "missing"} {
		if _, err := Manager(cfg, &server.URL, bad).Get(context.Background(), false); !errors.Is(err, job.ErrUnavailable) {
			t.Errorf("%s: err = %v, want job.ErrUnavailable", bad, err)
		}
	}
}

func TestFixedNeverChanges(t *testing.T) {
	wantSecret(t, Fixed("v"), false, "v")
	wantSecret(t, Fixed("v"), true, "v")
}
