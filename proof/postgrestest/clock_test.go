package postgrestest

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"siesta/local/postgresserver"
)

func TestTheServersClockMovesOn(t *testing.T) {
	ctx := t.Context()
	s, err := postgresserver.Start(postgresserver.Config{Clock: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if err := Migrate(s.SocketURL(postgresserver.Database)); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, s.SocketURL(postgresserver.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, insertJob, "u"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Advance(ctx, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var age time.Duration
	if err := conn.QueryRow(ctx, `SELECT now() - created_at FROM jobs`).Scan(&age); err != nil {
		t.Fatal(err)
	}
	if age < 2*time.Hour || age > 2*time.Hour+time.Minute {
		t.Errorf("two hours later a job is %v old", age)
	}
	if _, err := conn.Exec(ctx, insertJob, "u"); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(ctx, `SELECT min(now() - created_at) FROM jobs`).Scan(&age); err != nil || age > time.Minute {
		t.Errorf("a new job is %v old (%v)", age, err)
	}
	if err := s.Empty(ctx); err != nil {
		t.Fatal(err)
	}
	var jobs, versions int
	if err := conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM jobs), count(*) FROM schema_migrations`).Scan(&jobs, &versions); err != nil || jobs != 0 || versions != 1 {
		t.Errorf("%d jobs are left, and %d versions (%v)", jobs, versions, err)
	}
}
