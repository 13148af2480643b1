package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/local/postgresserver"
	"siesta/proof/postgrestest"
	"siesta/shared/postgres/migrations"
)

// empty returns a database without a table.
func empty(t *testing.T) (string, *pgxpool.Pool) {
	t.Helper()
	address, pool := postgrestest.New(t)
	exec(t, pool, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
	return address, pool
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func scan[T any](t *testing.T, pool *pgxpool.Pool, sql string) T {
	t.Helper()
	var v T
	if err := pool.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// upTo is the embedded migrations up to a version: an older binary.
func upTo(t *testing.T, version string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if data, err := fs.ReadFile(migrations.FS, name); err != nil {
			t.Fatal(err)
		} else if name[:6] <= version {
			files[name] = &fstest.MapFile{Data: data}
		}
	}
	return files
}

// with adds a migration to files.
func with(files fstest.MapFS, version, sql string) fstest.MapFS {
	files = maps.Clone(files)
	files[version+"_x.up.sql"] = &fstest.MapFile{Data: []byte(sql)}
	return files
}

func newHandler(t *testing.T, address string, files fs.FS) handler {
	t.Helper()
	u, err := parseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	return handler{migrator: migrator{database: known(u), files: files, log: slog.New(slog.DiscardHandler)}, client: http.DefaultClient}
}

// call invokes h as Lambda does, with time to spare.
func call(t *testing.T, h handler, event string) (report, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return h.Handle(ctx, json.RawMessage(event))
}

func mustCall(t *testing.T, h handler, event string) report {
	t.Helper()
	r, err := call(t, h, event)
	if err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	return r
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not have %q", err, part)
		}
	}
}

func TestUpTwiceIsFine(t *testing.T) {
	address, pool := empty(t)
	h := newHandler(t, address, migrations.FS)
	if r := mustCall(t, h, `{"action":"version"}`); r.Version != 0 || r.Newest == 0 {
		t.Errorf("before: %+v", r)
	}
	first := mustCall(t, h, `{}`)
	if first.Version != first.Newest || len(first.Applied) != first.Newest {
		t.Errorf("first: %+v", first)
	}
	if second := mustCall(t, h, `{"action":"up"}`); second.Version != first.Version || second.Applied != nil {
		t.Errorf("second: %+v", second)
	}
	if n := scan[int](t, pool, "SELECT count(*) FROM jobs"); n != 0 {
		t.Errorf("jobs has %d rows", n)
	}
}

func TestFourAtOnceAreFine(t *testing.T) {
	address, _ := empty(t)
	h := newHandler(t, address, migrations.FS)
	var wg sync.WaitGroup
	reports, errs := make([]report, 4), make([]error, 4)
	for i := range reports {
		wg.Go(func() { reports[i], errs[i] = call(t, h, `{}`) })
	}
	wg.Wait()
	for i, r := range reports {
		if errs[i] != nil || r.Version != r.Newest || r.Dirty {
			t.Errorf("%+v, %v", r, errs[i])
		}
	}
}

func TestSandboxPausedLeavesRowsAsTheyAre(t *testing.T) {
	address, pool := empty(t)
	mustCall(t, newHandler(t, address, upTo(t, "000002")), `{}`)
	exec(t, pool, `INSERT INTO jobs (id, project_id, user_id, tier, goal, status, sandbox_id, build_version)
		VALUES (gen_random_uuid(), gen_random_uuid(), 'u', 'bootstrapper', 'g', 'ready', 's', 'build_v0_1')`)

	h := newHandler(t, address, upTo(t, "000003"))
	for range 2 {
		mustCall(t, h, `{}`)
		if got := scan[string](t, pool, "SELECT sandbox_id || sandbox_paused FROM jobs"); got != "sfalse" {
			t.Errorf("row = %q", got)
		}
		if _, err := call(t, h, `{"action":"down","from":2}`); err == nil {
			t.Error("down from a version that the database is not at was done")
		}
		if r := mustCall(t, h, `{"action":"down","from":3}`); r.Version != 2 {
			t.Errorf("after down: %+v", r)
		}
		if got := scan[string](t, pool, "SELECT sandbox_id FROM jobs"); got != "s" {
			t.Errorf("row = %q", got)
		}
	}
	mustCall(t, newHandler(t, address, migrations.FS), `{}`)
	if got := scan[string](t, pool, "SELECT sandbox_state FROM jobs"); got != "running" {
		t.Errorf("sandbox_state = %q", got)
	}
}

func TestJobsThatFailedLoseTheirSecrets(t *testing.T) {
	address, pool := empty(t)
	mustCall(t, newHandler(t, address, upTo(t, "000009")), `{}`)
	exec(t, pool, `INSERT INTO jobs (id, project_id, user_id, tier, goal, status, env_sealed, lease_until, completed_at, error_message, debug_id)
		VALUES (gen_random_uuid(), gen_random_uuid(), 'u', 'bootstrapper', 'g', 'failed', 'sealed', NULL, now(), 'e', 'd'),
			(gen_random_uuid(), gen_random_uuid(), 'u', 'bootstrapper', 'g', 'queued', 'sealed', now(), NULL, NULL, NULL)`)
	mustCall(t, newHandler(t, address, upTo(t, "000010")), `{}`)
	if got := scan[string](t, pool, "SELECT string_agg(status, ' ') FROM jobs WHERE env_sealed IS NOT NULL"); got != "queued" {
		t.Errorf("secrets are left of the jobs that are %s, want the queued one's", got)
	}
	if r := mustCall(t, newHandler(t, address, upTo(t, "000010")), `{"action":"down","from":10}`); r.Version != 9 {
		t.Errorf("after down: %+v", r)
	}
}

func TestANewerDatabaseIsNoError(t *testing.T) {
	address, pool := postgrestest.New(t)
	before := scan[int](t, pool, "SELECT version FROM schema_migrations")
	for _, dirty := range []string{"false", "true"} {
		exec(t, pool, "UPDATE schema_migrations SET dirty = "+dirty)
		r := mustCall(t, newHandler(t, address, upTo(t, "000003")), `{}`)
		if r.Version != before || r.Newest != 3 || r.Applied != nil {
			t.Errorf("dirty %s: %+v", dirty, r)
		}
	}
}

// A killed migrator and a broken connection look the same to the database.
func TestACutOffMigrationIsReportedWithTheWayOut(t *testing.T) {
	for name, cut := range map[string]struct {
		at      func(p *postgrestest.Proxy)
		version string // that is right to force
	}{
		"before it ran": {func(p *postgrestest.Proxy) { p.CutBefore("ADD COLUMN sandbox_paused", 1) }, "2"},
		"after it ran":  {func(p *postgrestest.Proxy) { p.CutAfter("ADD COLUMN sandbox_paused", 1) }, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := empty(t)
			proxy := postgrestest.NewProxy(t, address)
			cut.at(proxy)
			if _, err := call(t, newHandler(t, proxy.URL, migrations.FS), `{}`); err == nil || !proxy.Struck() {
				t.Fatalf("struck %v, err %v", proxy.Struck(), err)
			}
			h := newHandler(t, address, migrations.FS)
			_, err := call(t, h, `{}`)
			wantError(t, err, "dirty at version 3", `{"action":"force","version":3}`, `{"action":"force","version":2}`, `{"action":"up"}`)
			_, err = call(t, h, `{"action":"force","version":1}`)
			wantError(t, err, "nothing was done")
			mustCall(t, h, `{"action":"force","version":`+cut.version+`}`)
			if r := mustCall(t, h, `{}`); r.Version != r.Newest || r.Dirty {
				t.Errorf("after force: %+v", r)
			}
			_, err = call(t, h, `{"action":"force","version":3}`)
			wantError(t, err, "not dirty", "nothing was done")
		})
	}
}

func TestTheFirstMigrationCanBeForcedBackToNone(t *testing.T) {
	address, _ := empty(t)
	proxy := postgrestest.NewProxy(t, address)
	proxy.CutBefore("CREATE TABLE jobs", 1)
	if _, err := call(t, newHandler(t, proxy.URL, migrations.FS), `{}`); err == nil {
		t.Fatal("no error")
	}
	h := newHandler(t, address, migrations.FS)
	_, err := call(t, h, `{}`)
	wantError(t, err, `{"action":"force","version":0}`)
	mustCall(t, h, `{"action":"force","version":0}`)
	if r := mustCall(t, h, `{}`); r.Version != r.Newest {
		t.Errorf("%+v", r)
	}
}

func TestARefusedMigrationNeverWas(t *testing.T) {
	address, pool := empty(t)
	three := upTo(t, "000003")
	refused := with(three, "000004", "CREATE TABLE half (); SELECT 1/0;")
	for range 2 { // not dirty: the second try fails for the same reason
		r, err := call(t, newHandler(t, address, refused), `{}`)
		wantError(t, err, "division by zero")
		if strings.Contains(err.Error(), "CREATE TABLE") {
			t.Errorf("the error quotes the file: %v", err)
		}
		if r.Version != 3 || r.Dirty {
			t.Errorf("%+v", r)
		}
	}
	r := mustCall(t, newHandler(t, address, with(three, "000004", "CREATE TABLE half (); CREATE TABLE setting AS SELECT current_setting('lock_timeout');")), `{}`)
	if r.Version != 4 || len(r.Applied) != 1 {
		t.Errorf("%+v", r)
	}
	if got := scan[string](t, pool, "SELECT * FROM setting"); got != "10s" {
		t.Errorf("lock_timeout of a migration = %q", got)
	}
}

// What the server refused is marked as undone, which holds only as long as each
// file is one transaction. The BEGIN of a block of PL/pgSQL begins none.
func TestEachFileIsOneTransaction(t *testing.T) {
	ends := regexp.MustCompile(`(?i)\b(BEGIN\s*(;|WORK|TRANSACTION)|(COMMIT|ROLLBACK|CONCURRENTLY|VACUUM)\b)`)
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if found := ends.Find(data); found != nil {
			t.Errorf("%s has %s", name, found)
		}
	}
}

func TestBadEventsAreRefusedInWords(t *testing.T) {
	address, pool := empty(t)
	h := newHandler(t, address, migrations.FS)
	for _, event := range []string{`[]`, `{"action":"drop"}`, `{"actoin":"up"}`, `{"action":"down"}`, `{"action":"force"}`} {
		_, err := call(t, h, event)
		wantError(t, err, `{"action":"up"}`)
	}
	if n := scan[int](t, pool, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"); n != 0 {
		t.Errorf("%d tables were made", n)
	}
}

func TestNoPasswordIsShown(t *testing.T) {
	server, err := postgresserver.Start(postgresserver.Config{TCP: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	good := server.URL("postgres")
	u, err := url.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	if password == "" {
		t.Fatal("the server asks for no password")
	}
	u.User = url.User(u.User.Username())

	t.Run("a token is used", func(t *testing.T) {
		h := newHandler(t, u.String(), migrations.FS)
		h.migrator.password = func(_ context.Context, host string, port uint16, user string) (string, error) {
			if host != u.Hostname() || port == 0 || user != u.User.Username() {
				return "", errors.New("asked for another server")
			}
			return password, nil
		}
		mustCall(t, h, `{}`)
	})
	u.User = url.UserPassword(u.User.Username(), "hunter2/%")
	dead := *u
	dead.Host = "127.0.0.1:1"
	for name, address := range map[string]string{"wrong": u.String(), "no server": dead.String()} {
		t.Run(name, func(t *testing.T) {
			_, err := call(t, newHandler(t, address, migrations.FS), `{}`)
			wantError(t, err, "connect to the database")
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("password in: %v", err)
			}
		})
	}
	for _, address := range []string{"postgres://u:hunter2@host:port/db", "mysql://u:hunter2@h/db", "", "postgres://u:hunter2@x.proxy-1.eu.rds.amazonaws.com/db"} {
		_, err := parseURL(address)
		wantError(t, err, "must")
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("password in: %v", err)
		}
	}
}

// A connection has the time that an Aurora needs to wake, and never more than
// the invocation has left.
func TestASleepingDatabaseIsWaitedFor(t *testing.T) {
	h := newHandler(t, "postgres://u@h/db", migrations.FS)
	for left, want := range map[time.Duration]string{4 * time.Minute: "60", 9500 * time.Millisecond: "9", time.Millisecond: "1"} {
		address, err := h.migrator.address(t.Context(), left)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil || u.Query().Get("connect_timeout") != want {
			t.Errorf("with %v left: %s, %v, want connect_timeout %s", left, address, err, want)
		}
	}
}

func TestAMigrationEndsBeforeTheInvocation(t *testing.T) {
	t.Parallel()
	address, pool := empty(t)
	h := newHandler(t, address, with(upTo(t, "000001"), "000002", "SELECT pg_sleep(60)"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a tenth is kept for the answer
	defer cancel()
	_, err := h.Handle(ctx, json.RawMessage(`{}`))
	if err == nil || ctx.Err() != nil {
		t.Fatalf("error %v, context %v", err, ctx.Err())
	}
	got := ""
	for begun := time.Now(); got != "1 false" && time.Since(begun) < 10*time.Second; { // nobody may be waiting for it any more
		got = scan[string](t, pool, "SELECT version || ' ' || dirty FROM schema_migrations")
	}
	if got != "1 false" {
		t.Errorf("version = %q", got)
	}
}
