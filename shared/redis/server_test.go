package redis

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"siesta/local/redisserver"
	"siesta/proof/redistest"
	"siesta/shared/job"
)

func TestClusterProtocol(t *testing.T) {
	t.Parallel() // a cluster takes seconds to come up
	s := redistest.NewServer(t, redisserver.Config{Cluster: true})
	c := open(t, Config{URL: s.URL(), Cluster: true})
	for range 5 { // ids of several slots
		j := aJob(1)
		put(t, c, j)
		if err := c.AppendLogs(t.Context(), j.ID, []job.LogLine{{Text: "a"}, {Text: "b"}}); err != nil {
			t.Fatal(err)
		}
		if lines, some, err := c.ReadLogs(t.Context(), j.ID, job.LogRange{From: "0-0", To: "+", Limit: 5}); err != nil || !some || len(lines) != 2 || lines[1].Text != "b" {
			t.Errorf("ReadLogs: %+v, %v, %v", lines, some, err)
		}
		if got, ok, err := c.Get(t.Context(), j.ID); err != nil || !ok || got.Revision != 1 {
			t.Errorf("Get: revision %d, ok %v, error %v", got.Revision, ok, err)
		}
	}
	if err := c.SetWatermark(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
}

func TestDeadRedisFailsSoonAndComesBack(t *testing.T) {
	s := redistest.NewServer(t, redisserver.Config{TCP: true})
	c := open(t, Config{URL: s.URL()})
	j := aJob(1)
	put(t, c, j)
	s.Kill()
	j.Revision = 2
	if _, err := c.Put(t.Context(), j); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("Put while dead: got %v, want job.ErrUnavailable", err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	c.skipUntil.Store(0) // as if its time had passed
	if !put(t, c, j) {
		t.Error("Put after the restart was not stored")
	}
}

func TestFrozenRedisCostsOneTimeout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]redisserver.Config{"plain": {TCP: true}, "cluster": {Cluster: true}} {
		t.Run(name, func(t *testing.T) {
			s := redistest.NewServer(t, c)
			patient := open(t, Config{URL: s.URL(), Cluster: c.Cluster})
			cache := openHasty(t, Config{URL: s.URL(), Cluster: c.Cluster})
			j := aJob(1)
			put(t, patient, j)
			get := func() error {
				cache.skipUntil.Store(0) // as if its time had passed
				_, ok, err := cache.Get(t.Context(), j.ID)
				if err == nil && !ok {
					t.Error("the cached job is gone")
				}
				return err
			}
			untilAnswered(t, get) // connected
			if err := s.Freeze(); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			for range 20 {
				if _, _, err := cache.Get(t.Context(), j.ID); !errors.Is(err, job.ErrUnavailable) {
					t.Fatalf("Get while frozen: got %v, want job.ErrUnavailable", err)
				}
			}
			if took := time.Since(start); took > 10*callTimeout {
				t.Errorf("20 calls to a frozen Redis took %v", took)
			}
			if err := s.Thaw(); err != nil {
				t.Fatal(err)
			}
			untilAnswered(t, get)
		})
	}
}

// untilAnswered repeats a call that a slow machine may not answer in time.
func untilAnswered(t *testing.T, call func() error) {
	t.Helper()
	var err error
	for start := time.Now(); time.Since(start) < 30*time.Second; {
		if err = call(); err == nil {
			return
		}
	}
	t.Fatalf("no answer: %v", err)
}

// A server that takes connections and says nothing, as behind a network that
// swallows packets.
func TestSilentServerTimesOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, cluster := range []bool{false, true} {
		c := openHasty(t, Config{URL: "redis://" + l.Addr().String(), Cluster: cluster})
		start := time.Now()
		if _, _, err := c.Get(t.Context(), job.NewID()); !errors.Is(err, job.ErrUnavailable) {
			t.Errorf("got %v, want job.ErrUnavailable", err)
		}
		if took := time.Since(start); took > 5*callTimeout {
			t.Errorf("cluster %v: took %v, want about %v", cluster, took, callTimeout)
		}
	}
}

// A caller who gives up says nothing about Redis: the next call is tried.
func TestCancelledCallDoesNotSkipTheNext(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Get(ctx, job.NewID()); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("got %v, want job.ErrUnavailable", err)
	}
	if _, _, err := c.Get(t.Context(), job.NewID()); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestCredentialsAreAskedForEachConnection(t *testing.T) {
	s := redistest.NewServer(t, redisserver.Config{})
	admin := redis.NewClient(&redis.Options{Network: "unix", Addr: s.URL()[len("unix://"):]})
	defer admin.Close()
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "siesta", "on", ">token", "~*", "&*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "default", "off").Err(); err != nil {
		t.Fatal(err)
	}
	c := open(t, Config{URL: s.URL(), Credentials: func(context.Context) (string, string, error) {
		return "siesta", "token", nil
	}})
	put(t, c, aJob(1))
	wrong := open(t, Config{URL: s.URL(), Credentials: func(context.Context) (string, string, error) {
		return "", "", errors.New("no token today")
	}})
	if _, err := wrong.Put(t.Context(), aJob(1)); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("without a token: got %v, want job.ErrUnavailable", err)
	}
}

func TestOpenRejectsABadAddressWithoutQuotingIt(t *testing.T) {
	_, err := Open(Config{URL: "redis://user:secret@host:port:port"})
	if err == nil {
		t.Fatal("got no error")
	}
	if got := err.Error(); got != errAddress.Error() {
		t.Errorf("error: %s", got)
	}
}

// client is what c calls Redis with.
func (c *Cache) client() goredis {
	client, err := c.clients.Get(context.Background(), false)
	if err != nil {
		panic(err)
	}
	return client
}
