package e2b

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"siesta/shared/secrets"
)

const testKey = "e2b_0123456789abcdef"

// seen is one request as the wire had it.
type seen struct {
	Method, URI, Key, Body, Once string // Once is the Idempotency-Key
}

// server answers every call with answer and remembers the calls.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	calls []seen
}

func newServer(t testing.TB, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		s.mu.Lock()
		s.calls = append(s.calls, seen{r.Method, r.RequestURI, r.Header.Get("X-API-Key"), string(body), r.Header.Get("Idempotency-Key")})
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) seen() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.calls...)
}

func fixedKey(context.Context, bool) (secrets.Text, error) { return secrets.NewText(testKey), nil }

func newClient(t testing.TB, config Config) *Client {
	t.Helper()
	if config.Domain == "" {
		config.Domain = "e2b.app"
	}
	if config.Key == nil {
		config.Key = fixedKey
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	c.backoff = time.Millisecond
	return c
}

func respond(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cut ends the connection half way through an answer.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, "{")
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// vanish ends the connection without an answer.
func vanish(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
