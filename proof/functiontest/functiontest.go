// Package functiontest is what the functions' own tests run on: Postgres, Redis,
// queues and an E2B of one test's own, jobs at the points of their life, and
// calls as the gateway makes them. It knows no function: a test makes its
// handler of these parts. Only tests import it.
package functiontest

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/e2bsim/sandbox"
	"siesta/shared/redis"
	"siesta/shared/secrets"
)

const (
	Alice = "user_alice" // whose the jobs are
	Stack = "stack-under-test"
)

// Main is the TestMain of a package whose sandboxes run real processes. It makes
// the test's binary the app that they run, too: `serve` answers on PORT with the
// value of GREETING, and with the status in the file status; `site` with the files
// of the folder site, and with the status in a file's name and .status, to which -1 is
// never; `accept` takes visitors and tells them nothing, `drip` a byte a second.
func Main(m *testing.M) {
	sandbox.Init()
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "serve":
			fmt.Println(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(greet)))
			os.Exit(1)
		case "site":
			fmt.Println(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(show)))
			os.Exit(1)
		case "accept":
			fmt.Println(listen(func(io.Writer) {}))
			os.Exit(1)
		case "drip":
			fmt.Println(listen(drip))
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// listen takes every connection and leaves it open.
func listen(answer func(io.Writer)) error {
	l, err := net.Listen("tcp", ":"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go answer(c)
	}
}

func drip(to io.Writer) {
	for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") {
		if _, err := to.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func greet(w http.ResponseWriter, _ *http.Request) {
	status := http.StatusOK
	if raw, err := os.ReadFile("status"); err == nil {
		_, _ = fmt.Sscan(string(raw), &status)
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, os.Getenv("GREETING"))
}

// show answers with the file of a path, index.html in a folder, else with 404.html.
// A file that begins with / is where its visitors are sent to.
func show(w http.ResponseWriter, r *http.Request) {
	name := filepath.Join("site", r.URL.Path)
	if strings.HasSuffix(r.URL.Path, "/") {
		name = filepath.Join(name, "index.html")
	}
	status := http.StatusOK
	body, err := os.ReadFile(name)
	if err != nil {
		name, status = "404.html", http.StatusNotFound
		body, _ = os.ReadFile(filepath.Join("site", name))
	}
	if raw, err := os.ReadFile(name + ".status"); err == nil {
		_, _ = fmt.Sscan(string(raw), &status)
	}
	if status < 0 {
		<-r.Context().Done()
		return
	}
	if strings.HasPrefix(string(body), "/") {
		w.Header().Set("Location", strings.TrimSpace(string(body)))
		status = http.StatusFound
	}
	w.Header().Set("Content-Type", cmp.Or(mime.TypeByExtension(filepath.Ext(name)), "text/html"))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

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
