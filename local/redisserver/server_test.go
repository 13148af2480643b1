package redisserver

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// open starts a server, and a client that never tries twice.
func open(t *testing.T, c Config) (*Server, *redis.Client) {
	t.Helper()
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	options, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.DialerRetries, options.ReadTimeout = -1, 1, 200*time.Millisecond
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return s, client
}

func TestAServerComesBackEmptyAtItsAddress(t *testing.T) {
	for name, config := range map[string]Config{"socket": {}, "TCP": {TCP: true}} {
		t.Run(name, func(t *testing.T) {
			s, client := open(t, config)
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
	s, client := open(t, Config{TCP: true})
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("a frozen server answers")
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("after the thaw: %v", err)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	s, _ := open(t, Config{})
	s.Stop()
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder after Stop: %v", err)
	}
}
