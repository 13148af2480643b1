// Package redistest gives a test a Redis: one that all tests of a process share,
// since what they write goes under job ids, which are random, or one of its own to
// break.
package redistest

import (
	"sync"

	"siesta/local/redisserver"
)

// TB is what the harness needs of a *testing.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// shared returns the server of this test process, started at the first call.
var shared = sync.OnceValues(func() (*redisserver.Server, error) { return redisserver.Start(redisserver.Config{}) })

// New returns the address of a Redis for one test. Other tests use it too.
func New(t TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start Redis: %v", err)
	}
	return s.URL()
}

// NewServer starts a Redis for one test to break.
func NewServer(t TB, c redisserver.Config) *redisserver.Server {
	t.Helper()
	s, err := redisserver.Start(c)
	if err != nil {
		t.Fatalf("start Redis: %v", err)
	}
	t.Cleanup(s.Stop)
	return s
}
