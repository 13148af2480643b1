// Package systemtest tests the whole system: the very binaries that ship, over
// HTTP and SQS, on real Postgres and Redis, with sandboxes that run real
// processes. It has no code of its own.
package systemtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	goredis "github.com/redis/go-redis/v9"

	"siesta/local/e2bsim"
	"siesta/local/runtimeapi"
	"siesta/local/stack"
	"siesta/proof/promises"
	"siesta/proof/world"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

const (
	root = "../.."
	// patience is how long anything may take that happens by itself.
	patience = 3 * time.Minute
	// every is the time between two looks at something that makes no event.
	every = 10 * time.Millisecond
	// domain is what previews are below: names below localhost, which programs
	// trust, would hide what the hosted service shows.
	domain = "e2b.test"
)

// built holds what the tests run: a folder for each function, and the app.
var built string

// app is the program that the tests' apps are; see testdata/app.
func app(flags ...string) string {
	return "exec " + strings.Join(append([]string{filepath.Join(built, "app")}, flags...), " ")
}

func TestMain(m *testing.M) {
	world.Init() // this program is also the first process of every sandbox
	if len(os.Args) == 3 && os.Args[1] == runnerFlag {
		if err := runner(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	world.Main(suite{m}, build)
}

// suite is all tests, and then the end of the system that they share.
type suite struct{ *testing.M }

func (s suite) Run() int {
	code := s.M.Run()
	if err := closeShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// build builds the app, beside the functions.
func build(folder string) error {
	built = folder
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(built, "app"), "./proof/systemtest/testdata/app")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build app: %w: %s", err, out)
	}
	return nil
}

// system is a running stack as one test sees it.
type system struct {
	*running
	t *testing.T
}

// running is a stack with what looks into it.
type running struct {
	*stack.Stack
	pool    *pgxpool.Pool
	db      *postgres.DB
	store   *jobs.Store
	cache   *redis.Cache
	redis   *goredis.Client
	checker *promises.Checker
	lines   world.Lines
	dir     string
}

// newStack starts a system for one test to break, whose reconcile runs when the
// test says so. change may alter its settings.
func newStack(t *testing.T, change func(*stack.Config)) *system {
	t.Helper()
	r, err := start(change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Errorf("stop the system: %v", err)
		}
	})
	return r.in(t)
}

// shared is the system of all tests that break nothing and move no clock. Each
// works for users of its own.
var shared = sync.OnceValues(func() (*running, error) {
	sharedStarted = true
	return start(nil)
})

var sharedStarted bool

func closeShared() error {
	if !sharedStarted {
		return nil
	}
	r, err := shared()
	if err != nil {
		return err
	}
	return r.close()
}

// sharedStack lets a test run beside others on one system.
func sharedStack(t *testing.T) *system {
	t.Helper()
	t.Parallel()
	r, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return r.in(t)
}

func (r *running) in(t *testing.T) *system {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the functions said last:\n%s", r.lines.Tail(80))
		}
	})
	return &system{running: r, t: t}
}

func start(change func(*stack.Config)) (*running, error) {
	dir, err := world.Folder("systemtest")
	if err != nil {
		return nil, err
	}
	r := &running{dir: dir}
	config := stack.Config{
		Root: root, BinDir: built, DataDir: filepath.Join(dir, "data"), ReconcileEvery: -1,
		Env: map[string]string{"E2B_DOMAIN": domain}, Report: func(err error) { r.lines.Add(err.Error()) },
		Log: func(l runtimeapi.Line) { r.lines.Add(l.Function + ": " + l.Text) },
		E2B: func(c *e2bsim.Config) { c.Backend = e2bsim.Processes{Files: []string{filepath.Join(built, "app")}} },
	}
	if change != nil {
		change(&config)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if r.Stack, err = stack.Start(ctx, config); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *running) open() (err error) {
	if r.pool, err = pgxpool.New(context.Background(), r.DatabaseURL); err != nil {
		return err
	}
	if r.db, err = postgres.Open(context.Background(), postgres.Config{URL: r.DatabaseURL}); err != nil {
		return err
	}
	r.store = jobs.NewStore(r.db, "", nil)
	if r.cache, err = redis.Open(redis.Config{URL: r.RedisURL, CallTimeout: 10 * time.Second}); err != nil {
		return err
	}
	options, err := goredis.ParseURL(r.RedisURL)
	if err != nil {
		return err
	}
	r.redis = goredis.NewClient(options)
	r.checker, err = promises.New(r.Stack, r.store)
	return err
}

func (r *running) close() error {
	if r.checker != nil {
		_ = r.checker.Close()
		_ = r.redis.Close()
		_ = r.cache.Close()
		r.db.Close()
		r.pool.Close()
	}
	return errors.Join(r.Stack.Close(), os.RemoveAll(r.dir))
}

// awake keeps previews running after READY.
func awake(c *stack.Config) { c.Env["PAUSE_AFTER_SECONDS"] = "900" }

func compose(first, then func(*e2bsim.Config)) func(*e2bsim.Config) {
	return func(c *e2bsim.Config) { first(c); then(c) }
}
