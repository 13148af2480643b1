package postgrestest

import (
	"testing"
	"time"
)

const insertJob = `INSERT INTO jobs (id, project_id, user_id, tier, goal)
	VALUES (gen_random_uuid(), gen_random_uuid(), $1, 'bootstrapper', 'g')`

func TestNewGivesEachTestADatabaseOfItsOwn(t *testing.T) {
	ctx := t.Context()
	_, one := New(t)
	_, two := New(t)
	if _, err := one.Exec(ctx, insertJob, "u"); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := two.QueryRow(ctx, `SELECT count(*) FROM jobs`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("another test's rows: got %d, want 0", n)
	}
}

func TestAdvanceMovesEveryTimeOfAJob(t *testing.T) {
	ctx := t.Context()
	_, pool := New(t)
	if _, err := pool.Exec(ctx, insertJob, "u"); err != nil {
		t.Fatal(err)
	}
	Advance(t, pool, 90*time.Second)
	var lease, created time.Duration
	err := pool.QueryRow(ctx, `SELECT now() - lease_until, now() - created_at FROM jobs`).Scan(&lease, &created)
	if err != nil {
		t.Fatal(err)
	}
	if lease < 90*time.Second || created < 90*time.Second {
		t.Errorf("ages after Advance: lease %v, created %v, want 90s or more", lease, created)
	}
}

func BenchmarkNew(b *testing.B) {
	New(b) // starts the server
	for b.Loop() {
		New(b)
	}
}
