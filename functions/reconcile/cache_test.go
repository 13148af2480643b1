package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
)

func (b *fixture) wantCached(j job.Job) {
	b.T.Helper()
	want := b.Row(j.ID)
	got, ok, err := b.cache.Get(b.ctx, j.ID)
	if err != nil || !ok || got.Revision != want.Revision {
		b.T.Errorf("cache has revision %d, %v, %v; want %d", got.Revision, ok, err, want.Revision)
	}
}

func TestACacheThatMissedAWriteGetsIt(t *testing.T) {
	b := setup(t)
	j := b.accept()
	b.reconcile()
	b.wantCached(j)
	claimed := b.Must(b.Rows.ClaimTurn(b.ctx, j.ID, 0))
	b.want(b.reconcile(), staleCache, count{1, 1, 0})
	b.wantCached(claimed)
	b.want(b.reconcile(), staleCache, count{})
}

func TestALostCacheIsFilledWithADay(t *testing.T) {
	b := setup(t)
	old := b.paused()
	b.Pass(25 * time.Hour)
	recent := b.paused()
	b.Pass(20 * time.Hour)
	b.reconcile()
	b.wantCached(recent)
	if _, ok, _ := b.cache.Get(b.ctx, old.ID); ok {
		t.Error("a row of two days ago was published")
	}
	b.redis.Kill()
	b.OK(b.redis.Restart())
	b.cache = b.openCache()
	b.Pass(time.Minute)
	b.reconcile()
	b.wantCached(recent)
}

// What was written just before the watermark may show only after it.
func TestASweepOverlapsTheOneBefore(t *testing.T) {
	b := setup(t)
	j := b.accept()
	b.reconcile()
	claimed := b.Must(b.Rows.ClaimTurn(b.ctx, j.ID, 0))
	_, err := b.Pool.Exec(b.ctx, `UPDATE jobs SET updated_at = now() - interval '14 minutes' WHERE id = $1::uuid`, j.ID)
	b.OK(err)
	b.reconcile()
	b.wantCached(claimed)
}

func TestTheWatermarkDoesNotPassWhatWasNotWritten(t *testing.T) {
	b := setup(t)
	b.reconcile()
	mark, err := b.cache.Watermark(b.ctx)
	b.OK(err)
	j := b.accept()
	alive := b.cache
	b.cache = functiontest.Cache(t, "redis://127.0.0.1:1")
	b.Cache = b.cache
	r := b.reconcile()
	b.wantFailed(r, "cache")
	b.cache, b.Cache = alive, alive
	if after, err := b.cache.Watermark(b.ctx); err != nil || !after.Equal(mark) {
		t.Errorf("the watermark moved from %v to %v", mark, after)
	}
	b.reconcile()
	b.wantCached(j)
}

// A cache that takes the watermark but not a job.
func TestTheWatermarkWaitsForEveryJob(t *testing.T) {
	b := setup(t)
	b.reconcile()
	mark, err := b.cache.Watermark(b.ctx)
	b.OK(err)
	j := b.accept()
	options, err := redis.ParseURL(b.redis.URL())
	b.OK(err)
	admin := redis.NewClient(options)
	defer admin.Close()
	b.OK(admin.Do(b.ctx, "ACL", "SETUSER", "default", "resetkeys", "~reconcile:*").Err())
	b.wantFailed(b.reconcile(), "cache")
	if after, err := b.cache.Watermark(b.ctx); err != nil || !after.Equal(mark) {
		t.Errorf("the watermark moved from %v to %v over a job that was not written", mark, after)
	}
	b.OK(admin.Do(b.ctx, "ACL", "SETUSER", "default", "allkeys").Err())
	b.reconcile()
	b.wantCached(j)
}

func TestWithoutRedisAllElseIsHealed(t *testing.T) {
	b := setup(t)
	failed, late := b.fail(b.building()), b.ready()
	b.Pass(2 * time.Minute)
	b.redis.Kill()
	r := b.reconcile()
	b.want(r, latePauses, count{1, 1, 0})
	b.want(r, orphans, count{1, 1, 0})
	b.wantFailed(r, "cache")
	if row := b.Row(failed.ID); row.SandboxState != job.SandboxGone {
		t.Errorf("the failed job's sandbox is %s", row.SandboxState)
	}
	if n, _ := b.pausesAsked(late); n != 1 {
		t.Errorf("%d pause messages", n)
	}
	b.OK(b.redis.Restart())
	b.cache = b.openCache()
	b.reconcile()
	b.wantCached(failed)
}

func TestWithoutE2BAllElseIsHealed(t *testing.T) {
	b := setup(t)
	paused, late := b.paused(), b.ready()
	b.Pass(2 * time.Minute)
	b.wire.down.Store(true)
	r := b.reconcile()
	b.want(r, latePauses, count{1, 1, 0})
	b.want(r, missing, count{0, 0, 2})
	b.wantFailed(r, "sandboxes")
	b.wantCached(late)
	b.wantState(paused.ID, job.SandboxPaused)
	b.wire.down.Store(false)
	b.reconcile()
}

func TestWithoutPostgresARunSaysSo(t *testing.T) {
	b := setup(t)
	b.Proxy.Down()
	b.wantFailed(b.reconcile(), "pauses", "turns", "cache", "sandboxes", "rows", "surplus", "deleted")
	if n := b.Calls(e2bsim.Kill); n != 0 {
		t.Errorf("%d kills without a row", n)
	}
}

// More changes than a run publishes: the next run goes on, and reaches the end.
func TestABoundedSweepGoesOn(t *testing.T) {
	b := setup(t)
	b.reconcile()
	_, err := b.Pool.Exec(b.ctx, `INSERT INTO jobs (id, project_id, user_id, tier, goal, build_version, lease_until, updated_at)
		SELECT gen_random_uuid(), gen_random_uuid(), 'user', 'bootstrapper', 'a page', 'build_v0_1', now(), now() - interval '10 minutes' + n * interval '1 millisecond'
		FROM generate_series(1, $1::int) AS n`, maxChanges+cachePage)
	b.OK(err)
	runs, written := 0, 0
	for ; written < maxChanges+cachePage && runs < 20; runs++ {
		b.cache = b.openCache() // a slow machine may have cost it a call
		n := b.reconcile().Rules[staleCache].Healed
		if n > maxChanges {
			t.Errorf("one run wrote %d rows, over %d", n, maxChanges)
		}
		written += n
	}
	if runs < 2 || written != maxChanges+cachePage {
		t.Errorf("%d rows were written in %d runs, want %d", written, runs, maxChanges+cachePage)
	}
	b.want(b.reconcile(), staleCache, count{})
}

// CloudWatch reads the numbers out of the log: one line, one object.
func TestTheMetricsAreOneLine(t *testing.T) {
	b := setup(t)
	b.fail(b.building())
	b.reconcile()
	var found map[string]any
	lines := 0
	for _, line := range bytes.Split([]byte(b.Log.String()), []byte("\n")) {
		var one map[string]any
		if json.Unmarshal(line, &one) == nil && one["_aws"] != nil {
			found, lines = one, lines+1
		}
	}
	if lines != 1 {
		t.Fatalf("%d lines of metrics", lines)
	}
	for name, want := range map[string]float64{"orphans_healed": 1, "orphans": 1, "missing_unknown": 0, "failed_parts": 0} {
		if found[name] != want {
			t.Errorf("%s is %v, want %v", name, found[name], want)
		}
	}
}
