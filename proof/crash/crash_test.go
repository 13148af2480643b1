package crash_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/stack"
	"siesta/proof/crash"
)

const root = "../.."

var bin string

func TestMain(m *testing.M) {
	crash.Init()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if bin, err = os.MkdirTemp("", "siesta-crash-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(bin)
	if err := stack.Build(context.Background(), root, bin); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// start brings a system up for one test.
func start(t *testing.T, env map[string]string) *crash.System {
	t.Helper()
	var log lines
	dir, err := os.MkdirTemp("", "siesta-crash-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // sandboxes run under users of their own
		t.Fatal(err)
	}
	s, err := crash.Start(t.Context(), crash.Config{Root: root, BinDir: bin, DataDir: filepath.Join(dir, "data"), Env: env, Log: log.add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("stop the system: %v", err)
		}
		_ = os.RemoveAll(dir)
		if t.Failed() {
			t.Log("what was written last:\n" + log.last())
		}
	})
	return s
}

// lines keeps the last lines that were written.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(line string) {
	const most = 60
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all[max(0, len(l.all)-most):], line)
}

func (l *lines) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// TestACrashAtAnyCallBreaksNoPromise kills a function before and after each of
// its calls, and cuts the answer to each, one at a time.
func TestACrashAtAnyCallBreaksNoPromise(t *testing.T) {
	for _, c := range crash.Scenarios {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			began := time.Now()
			for _, fate := range []crash.Fate{crash.Before, crash.After, crash.Lost} {
				k := 1
				for ; ; k++ {
					call, broken, err := c.Run(t.Context(), s, k, fate)
					if err != nil {
						t.Fatalf("%s call %d: %v", fate, k, err)
					}
					if len(broken) > 0 {
						t.Errorf("%s call %d, %v:\n%s", fate, k, call, strings.Join(broken, "\n"))
						return
					}
					if call == nil {
						break
					}
				}
				if k == 1 {
					t.Errorf("%s met no call of %s", fate, c.Function)
				}
				t.Logf("%s: %d calls, %.1f s", fate, k-1, time.Since(began).Seconds())
			}
		})
	}
}

// TestNoOrderOfCallsBreaksAPromise plays seeded histories of several who act at
// the same time. A failure names its seed, which plays it again.
func TestNoOrderOfCallsBreaksAPromise(t *testing.T) {
	const lanes, each = 2, 60
	for lane := range lanes {
		t.Run(fmt.Sprint(lane), func(t *testing.T) {
			t.Parallel()
			s := start(t, crash.Patient)
			for n := range each {
				seed := uint64(lane*each + n)
				told, err := s.Try(t.Context(), seed, 15)
				if err != nil || len(told.Broken) > 0 {
					t.Fatalf("seed %d: %v\n%s\n\n%s", seed, err, strings.Join(told.Broken, "\n"), strings.Join(told.History, "\n"))
				}
			}
		})
	}
}
