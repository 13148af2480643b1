package secrets

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

func TestFixedNeverChanges(t *testing.T) {
	wantSecret(t, Fixed("v"), false, "v")
	wantSecret(t, Fixed("v"), true, "v")
}
