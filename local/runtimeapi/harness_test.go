package runtimeapi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/local/runtimeapi"
)

var bootstrap string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if path := os.Getenv("RUNTIMEAPI_ORPHAN"); path != "" {
		return orphan(path)
	}
	dir, err := os.MkdirTemp("", "runtimeapi")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bootstrap = filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "./testdata/function")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the function: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// system is a server with one function, f, and the lines that it wrote.
type system struct {
	*runtimeapi.Server
	lines chan runtimeapi.Line
}

func start(t testing.TB, f runtimeapi.Function, o runtimeapi.Options) system {
	t.Helper()
	lines := make(chan runtimeapi.Line, 10000)
	o.Log = func(l runtimeapi.Line) { lines <- l }
	server, err := runtimeapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	f.Name = "f"
	if f.Path == "" {
		f.Path = bootstrap
	}
	if err := server.Register(f); err != nil {
		t.Fatal(err)
	}
	return system{server, lines}
}

func (s system) invoke(t testing.TB, event string) runtimeapi.Result {
	t.Helper()
	r, err := s.Invoke(t.Context(), "f", []byte(event))
	if err != nil {
		t.Errorf("invoke %s: %v", event, err)
	}
	return r
}

// line waits for a line that begins so and returns its rest and its process.
func (s system) line(t *testing.T, prefix string) (string, int) {
	t.Helper()
	for {
		select {
		case l := <-s.lines:
			if rest, ok := strings.CutPrefix(l.Text, prefix+" "); ok {
				return rest, l.Process
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no line %q", prefix)
		}
	}
}

type echo struct {
	Text, Request, Arn string
	LeftMs             int `json:"left_ms"`
	Pid                int
}

func decode(t testing.TB, r runtimeapi.Result) (e echo) {
	t.Helper()
	if err := json.Unmarshal(r.Payload, &e); err != nil || r.FunctionError != "" {
		t.Errorf("got %s %s: %v", r.FunctionError, r.Payload, err)
	}
	return e
}
