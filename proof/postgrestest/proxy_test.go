package postgrestest

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// through opens a pool that runs statements as production does.
func through(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func count(t *testing.T, pool *pgxpool.Pool) int {
	t.Helper()
	var n int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM jobs`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestProxyCutsBeforeOrAfterAStatement(t *testing.T) {
	for _, c := range []struct {
		name string
		arm  func(*Proxy)
		want int
	}{
		{"before the second", func(p *Proxy) { p.CutBefore("insert into jobs", 2) }, 1},
		{"after the second", func(p *Proxy) { p.CutAfter("INSERT INTO jobs", 2) }, 2},
		{"before the first of any", func(p *Proxy) { p.CutBefore("", 1) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, direct := New(t)
			p := NewProxy(t, url)
			pool := through(t, p.URL)
			c.arm(p)
			var failed error
			for range 2 {
				if _, err := pool.Exec(t.Context(), insertJob, "u"); err != nil {
					failed = err
					break
				}
			}
			if failed == nil || !p.Struck() {
				t.Fatalf("statements went through: error %v, struck %v", failed, p.Struck())
			}
			if got := count(t, direct); got != c.want {
				t.Errorf("rows: got %d, want %d", got, c.want)
			}
			if _, err := pool.Exec(t.Context(), `SELECT $1::int`, 1); err != nil {
				t.Errorf("the next statement: %v, want a new connection", err)
			}
		})
	}
}

func TestProxyLosesTheAnswerOfACommit(t *testing.T) {
	url, direct := New(t)
	p := NewProxy(t, url)
	pool := through(t, p.URL)
	p.CutAfter("commit", 1)

	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), insertJob, "u"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err == nil {
		t.Error("commit: got an answer, want it lost")
	}
	if got := count(t, direct); got != 1 {
		t.Errorf("rows: got %d, want 1: the commit took effect", got)
	}
}

func TestProxyDownAndUp(t *testing.T) {
	url, _ := New(t)
	p := NewProxy(t, url)
	pool := through(t, p.URL)
	if n := count(t, pool); n != 0 {
		t.Fatalf("rows: got %d, want 0", n)
	}
	p.Down()
	start := time.Now()
	if _, err := pool.Exec(t.Context(), `SELECT 1`); err == nil {
		t.Error("a statement while down: got an answer")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("a statement while down took %v", took)
	}
	p.Up(t)
	if n := count(t, pool); n != 0 {
		t.Errorf("rows after Up: got %d, want 0", n)
	}
}
