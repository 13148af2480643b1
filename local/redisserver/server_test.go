package redisserver

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func open(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// connect makes a client that never tries twice, and waits for an answer that
// long.
func connect(t *testing.T, s *Server, patience time.Duration) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.DialerRetries, options.ReadTimeout = -1, 1, patience
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestAServerComesBackEmptyAtItsAddress(t *testing.T) {
	for name, config := range map[string]Config{"socket": {}, "TCP": {TCP: true}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, config)
			client := connect(t, s, time.Minute)
			address := s.URL()
			if err := client.Set(t.Context(), "key", "value", 0).Err(); err != nil {
				t.Fatal(err)
			}
			s.Kill()
			if err := client.Ping(t.Context()).Err(); err == nil {
				t.Error("a killed server answers")
			}
			if err := s.Restart(); err != nil {
				t.Fatal(err)
			}
			if err := client.Get(t.Context(), "key").Err(); !errors.Is(err, redis.Nil) || s.URL() != address {
				t.Errorf("at %s, once %s, the key is there or the server is not: %v", s.URL(), address, err)
			}
		})
	}
}

// TestAFrozenServerAnswersNobody, and goes on when it is thawed.
func TestAFrozenServerAnswersNobody(t *testing.T) {
	s := open(t, Config{TCP: true})
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, s, 100*time.Millisecond).Ping(t.Context()).Err(); err == nil {
		t.Error("a frozen server answers")
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, s, time.Minute).Ping(t.Context()).Err(); err != nil {
		t.Errorf("after the thaw: %v", err)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	s := open(t, Config{})
	s.Stop()
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder after Stop: %v", err)
	}
}
