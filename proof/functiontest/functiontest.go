// Package functiontest is what the functions' own tests run on: Postgres, Redis,
// queues and an E2B of one test's own, jobs at the points of their life, and
// calls as the gateway makes them. It knows no function: a test makes its
// handler of these parts. Only tests import it.
package functiontest

import (
	"bytes"
	"encoding/hex"
	"os"
	"sync"
	"testing"
	"time"

	"siesta/shared/redis"
	"siesta/shared/secrets"
)

const (
	Alice = "user_alice" // whose the jobs are
	Stack = "stack-under-test"
)

// Self is the path of the test's binary, also inside a sandbox.
func Self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// Cache opens the cache at an address. A new one has seen no failure yet. It
// waits for its answers, however slow the machine.
func Cache(t testing.TB, address string) *redis.Cache {
	t.Helper()
	return openCache(t, redis.Config{URL: address, CallTimeout: 10 * time.Second})
}

// HastyCache opens one that waits no longer than a function does, for a Redis
// that says nothing.
func HastyCache(t testing.TB, address string) *redis.Cache {
	t.Helper()
	return openCache(t, redis.Config{URL: address})
}

func openCache(t testing.TB, c redis.Config) *redis.Cache {
	t.Helper()
	cache, err := redis.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	return cache
}

// Sealer seals with the one key of all tests.
func Sealer(t testing.TB) *secrets.Sealer {
	t.Helper()
	sealer, err := secrets.NewSealer(secrets.Fixed(hex.EncodeToString(bytes.Repeat([]byte{7}, 32))))
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

// Log keeps what a function logs.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// NewLog returns a log that is shown if the test fails.
func NewLog(t testing.TB) *Log {
	l := &Log{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the function's log:\n%s", l)
		}
	})
	return l
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
