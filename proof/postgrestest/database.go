// Package postgrestest hands each test a fresh, migrated database of its own,
// moves its time on (Advance), and breaks the way to it (Proxy).
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-migrate/migrate/v4"
	_ "github.com/golang-migrate/migrate/v4/database/pgx/v5" // the scheme pgx5
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/local/postgresserver"
	"siesta/shared/postgres/migrations"
)

// TB is what the harness needs of a *testing.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// template is the migrated database that tests get copies of.
const template = "siesta_template"

// shared returns the server of this test process, started at the first call.
var shared = sync.OnceValues(func() (*postgresserver.Server, error) {
	s, err := postgresserver.Start(postgresserver.Config{})
	if err != nil {
		return nil, err
	}
	if err := s.Exec("CREATE DATABASE " + template); err != nil {
		return nil, err
	}
	return s, Migrate(s.SocketURL(template))
})

var databases atomic.Int64

// New makes a migrated database for one test and returns its address and a
// pool on it. Both are gone after the test.
func New(t TB) (string, *pgxpool.Pool) {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start Postgres: %v", err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := s.Exec("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatalf("make database: %v", err)
	}
	url := s.SocketURL(name)
	pool, err := pgxpool.New(context.Background(), url)
	if err != nil {
		t.Fatalf("open pool: %v", err)
	}
	t.Cleanup(func() {
		pool.Close()
		if err := s.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Fatalf("drop database: %v", err)
		}
	})
	return url, pool
}

// Migrate brings the database at url to the newest version.
func Migrate(url string) error {
	files, err := iofs.New(migrations.FS, ".")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	m, err := migrate.NewWithSourceInstance("iofs", files, strings.Replace(url, "postgres://", "pgx5://", 1))
	if err != nil {
		return fmt.Errorf("open database to migrate: %w", err)
	}
	defer m.Close()
	if err := m.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Advance lets d pass for everything that the database remembers: leases, due
// times and time stamps move back by d, so the database's own clock finds them
// d older.
func Advance(t TB, pool *pgxpool.Pool, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	rows, err := pool.Query(ctx, `
		SELECT 'UPDATE ' || quote_ident(table_name) || ' SET '
			|| string_agg(format('%1$I = %1$I - make_interval(secs => $1)', column_name), ', ')
		FROM information_schema.columns
		WHERE table_schema = 'public' AND data_type = 'timestamp with time zone'
		GROUP BY table_name`)
	if err != nil {
		t.Fatalf("list times: %v", err)
	}
	updates, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("list times: %v", err)
	}
	for _, update := range updates {
		if _, err := pool.Exec(ctx, update, d.Seconds()); err != nil {
			t.Fatalf("advance time: %v", err)
		}
	}
}
