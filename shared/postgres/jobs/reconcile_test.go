package jobs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
)

func ids(jobs []job.Job, err error) (map[string]bool, error) {
	found := map[string]bool{}
	for _, j := range jobs {
		found[j.ID] = true
	}
	return found, err
}

func TestReconcileFindsWhatFellAndNothingElse(t *testing.T) {
	b := setup(t)
	ready, pausing, resuming, paused, running := b.ready(), b.pausing(), b.resuming(), b.paused(), b.running()
	queued, building := b.accept(newJob()), b.withSandbox()
	failed := must(t)(b.Fail(b.ctx, b.withSandbox(), "npm ci ended with 1", "d1"))
	b.pass(job.OpTime + time.Second)
	for name, c := range map[string]struct {
		list func() ([]job.Job, error)
		want []job.Job
	}{
		"overdue pauses":  {func() ([]job.Job, error) { return b.OverduePauses(b.ctx, 10) }, []job.Job{ready}},
		"abandoned ops":   {func() ([]job.Job, error) { return b.AbandonedOps(b.ctx, 10) }, nil},
		"abandoned turns": {func() ([]job.Job, error) { return b.AbandonedTurns(b.ctx, 10) }, []job.Job{queued}},
		"awake":           {func() ([]job.Job, error) { return b.Awake(b.ctx, "", 10) }, []job.Job{ready, pausing, resuming, running, failed}},
		"asleep":          {func() ([]job.Job, error) { return b.Asleep(b.ctx, "", 10) }, []job.Job{paused}},
		"missing":         {func() ([]job.Job, error) { return b.Missing(b.ctx, 10) }, nil},
		"owners": {func() ([]job.Job, error) {
			return b.Owners(b.ctx, []string{ready.SandboxID, "inobody"}, []string{building.ID, job.NewID()})
		}, []job.Job{ready, building}},
	} {
		found, err := ids(c.list())
		if err != nil || len(found) != len(c.want) {
			t.Errorf("%s: %d rows, %v; want %d", name, len(found), err, len(c.want))
		}
		for _, j := range c.want {
			if !found[j.ID] {
				t.Errorf("%s: %s, %s is not among them", name, j.Status, j.SandboxState)
			}
		}
	}
}

// Whoever's time is up may still be about to say so: its message comes again.
func TestAnOpIsAbandonedAMinuteAfterItsEnd(t *testing.T) {
	b := setup(t)
	want := []job.Job{b.pausing(), b.resuming()}
	b.pass(job.OpTime + job.ReconcileAfter - 5*time.Second)
	if found, err := b.AbandonedOps(b.ctx, 10); err != nil || len(found) > 0 {
		t.Errorf("early: %d rows, %v", len(found), err)
	}
	b.pass(6 * time.Second)
	found, err := ids(b.AbandonedOps(b.ctx, 10))
	if err != nil || len(found) != 2 || !found[want[0].ID] || !found[want[1].ID] {
		t.Errorf("%v, %v; want the pausing and the resuming one", found, err)
	}
}

func TestWalksGoByIDAndStopAtTheirLimit(t *testing.T) {
	b := setup(t)
	for range 5 {
		b.paused()
	}
	seen := map[string]bool{}
	for after := ""; ; {
		rows, err := b.Asleep(b.ctx, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		for _, j := range rows {
			if j.ID <= after || seen[j.ID] {
				t.Errorf("%s comes after %s", j.ID, after)
			}
			seen[j.ID], after = true, j.ID
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d rows, want 5", len(seen))
	}
}

func TestChangesComeInTheirOrderOnceEach(t *testing.T) {
	b := setup(t)
	for range 5 {
		b.accept(newJob())
	}
	if _, err := b.pool.Exec(b.ctx, `UPDATE jobs SET updated_at = date_trunc('minute', now())`); err != nil { // all in one moment
		t.Fatal(err)
	}
	var since time.Time
	after, n := "", 0
	for {
		rows, err := b.Changed(b.ctx, since, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		n += len(rows)
		since, after = rows[len(rows)-1].UpdatedAt, rows[len(rows)-1].ID
	}
	if n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

// A list is for judging and caching: it does not carry the users' secrets.
func TestListsCarryNoSealedValues(t *testing.T) {
	b := setup(t)
	j := b.accept(newJob())
	rows, err := b.Owners(b.ctx, nil, []string{j.ID})
	if err != nil || len(rows) != 1 || rows[0].EnvSealed != nil {
		t.Errorf("got %v, %v", rows, err)
	}
	if rows[0].Goal != j.Goal || rows[0].Revision != j.Revision {
		t.Errorf("got goal %q, revision %d", rows[0].Goal, rows[0].Revision)
	}
}

// What was read must still be so: each of reconcile's writes gives way to any
// other.
func TestReconcileWritesOnlyWhatItHasRead(t *testing.T) {
	b := setup(t)
	touch := func(j job.Job) job.Job {
		if _, err := b.pool.Exec(b.ctx, `UPDATE jobs SET revision = revision + 1 WHERE id = $1::uuid`, j.ID); err != nil {
			t.Fatal(err)
		}
		return j
	}
	paused, seen := b.paused(), must(t)(b.RecordFinishedMissing(b.ctx, b.paused()))
	missed, gone := b.paused(), must(t)(b.RecordFinishedMissing(b.ctx, b.paused()))
	overdue, queued := b.claimed(), b.accept(newJob())
	b.pass(2 * time.Hour)
	b.wantUnwritten(queued.ID, job.ErrConflict, func() (job.Job, error) { return b.FailOverdue(b.ctx, queued, "late", "d1") })
	for name, c := range map[string]struct {
		j     job.Job
		write func(job.Job) (job.Job, error)
	}{
		"fail":   {overdue, func(j job.Job) (job.Job, error) { return b.FailOverdue(b.ctx, j, "late", "d1") }},
		"woken":  {paused, func(j job.Job) (job.Job, error) { return b.RecordWoken(b.ctx, j, time.Now()) }},
		"missed": {missed, func(j job.Job) (job.Job, error) { return b.RecordFinishedMissing(b.ctx, j) }},
		"gone":   {gone, func(j job.Job) (job.Job, error) { return b.RecordGone(b.ctx, j) }},
		"seen":   {seen, func(j job.Job) (job.Job, error) { return b.RecordSeen(b.ctx, j) }},
	} {
		touch(c.j)
		b.wantUnwritten(c.j.ID, job.ErrConflict, func() (job.Job, error) { return c.write(c.j) })
		if name == "gone" {
			continue // the touch has broken the evidence, as it must
		}
		if _, err := c.write(must(t)(b.Get(b.ctx, c.j.ID))); err != nil {
			t.Errorf("%s, of the row as it is: %v", name, err)
		}
	}
}

func TestAWokenSandboxIsBelievedAGraceAfterItsPause(t *testing.T) {
	b := setup(t)
	j := b.paused()
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordWoken(b.ctx, j, time.Now()) })
	b.pass(job.Grace + time.Second)
	if woken := must(t)(b.RecordWoken(b.ctx, j, time.Now())); woken.SandboxPaused || woken.Epoch != j.Epoch+1 {
		t.Errorf("paused %v, epoch %d", woken.SandboxPaused, woken.Epoch)
	}
}

func TestASandboxIsGoneAfterAGraceWithoutAnyOtherWrite(t *testing.T) {
	for name, state := range map[string]func(fixture) job.Job{
		"running": fixture.ready, "pausing": fixture.pausing, "paused": fixture.paused, "resuming": fixture.resuming,
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := state(b)
			if !j.OpUntil.IsZero() { // its owner died
				b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordFinishedMissing(b.ctx, j) })
				b.pass(job.OpTime + time.Second)
			}
			j = must(t)(b.RecordFinishedMissing(b.ctx, j))
			b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordFinishedMissing(b.ctx, j) })
			b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordGone(b.ctx, j) })
			b.pass(job.Grace + time.Second)
			gone := must(t)(b.RecordGone(b.ctx, j))
			if gone.SandboxState != job.SandboxGone || gone.SandboxPaused {
				t.Errorf("got %s, paused %v", gone.SandboxState, gone.SandboxPaused)
			}
		})
	}
}

// A call of ours whose outcome is not known may have changed what E2B knows; a
// 404 in answer to one changes nothing.
func TestWhatBreaksTheEvidence(t *testing.T) {
	b := setup(t)
	ready := must(t)(b.RecordFinishedMissing(b.ctx, b.ready()))
	taken := must(t)(b.TakePause(b.ctx, ready.ID, ready.Epoch))
	same := must(t)(b.RecordPauseMissing(b.ctx, taken))
	if !same.MissingSince.Equal(ready.MissingSince) {
		t.Errorf("a pause that heard 404 moved the first sight of it from %v to %v", ready.MissingSince, same.MissingSince)
	}
	woken := must(t)(b.TakeResume(b.ctx, must(t)(b.RecordFinishedMissing(b.ctx, b.paused())), jobs.Wake{Time: 10 * time.Minute}))
	since := woken.MissingSince
	if kept := must(t)(b.RecordResumeMissing(b.ctx, woken)); !kept.MissingSince.Equal(since) {
		t.Errorf("a resume that heard 404 moved the first sight of it from %v to %v", since, kept.MissingSince)
	}

	broken := must(t)(b.RecordFinishedMissing(b.ctx, b.ready()))
	broken = must(t)(b.TakePause(b.ctx, broken.ID, broken.Epoch))
	broken = must(t)(b.RecordNotPaused(b.ctx, broken)) // a 500: it may have destroyed the state
	broken = must(t)(b.TakePause(b.ctx, broken.ID, broken.Epoch))
	if again := must(t)(b.RecordPauseMissing(b.ctx, broken)); !again.MissingSince.After(broken.MissingSince) {
		t.Error("evidence from before a call that failed was kept")
	}
}

// Among many finished jobs nothing is looked for row by row, nor counted by start.
func TestReconcileReadsByItsIndexes(t *testing.T) {
	b := setup(t)
	_, err := b.pool.Exec(b.ctx, `INSERT INTO jobs (id, project_id, user_id, tier, goal, status, build_version, preview_url, workspace_path,
			sandbox_id, sandbox_state, sandbox_paused, paused_at, completed_at, lease_until, updated_at)
		SELECT id, id, 'user', 'bootstrapper', 'a page', 'ready', 'build_v0_1', 'https://x', '/home/user/project',
			'i' || replace(id::text, '-', ''), CASE WHEN n % 2 = 0 THEN 'paused' ELSE 'gone' END, n % 2 = 0, now(), now(), NULL, now() - n * interval '1 minute'
		FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, 20000) AS n) AS new`)
	if err != nil {
		t.Fatal(err)
	}
	b.ready()
	waiting := newJob()
	waiting.UserID, waiting.Waiting = "user", 1
	b.accept(waiting)
	waiting.ID = job.NewID()
	if _, err := b.pool.Exec(b.ctx, `ANALYZE jobs`); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]func(s *jobs.Store) error{
		"jobs_pause_due":              func(s *jobs.Store) error { _, err := s.OverduePauses(b.ctx, 500); return err },
		"jobs_op_open":                func(s *jobs.Store) error { _, err := s.AbandonedOps(b.ctx, 500); return err },
		"jobs_lease_open jobs_active": func(s *jobs.Store) error { _, err := s.AbandonedTurns(b.ctx, 500); return err },
		"jobs_schedule":               func(s *jobs.Store) error { _, err := s.DueSchedules(b.ctx, 500); return err },
		"jobs_waiting": func(s *jobs.Store) error {
			if _, _, err := s.Accept(b.ctx, waiting); !errors.Is(err, job.ErrTooManyWaiting) {
				return fmt.Errorf("accept: %w", err)
			}
			return nil
		},
		"jobs_missing": func(s *jobs.Store) error { _, err := s.Missing(b.ctx, 50); return err },
		"jobs_awake":   func(s *jobs.Store) error { _, err := s.Awake(b.ctx, "", 100); return err },
		"jobs_by_change": func(s *jobs.Store) error {
			_, err := s.Changed(b.ctx, time.Now().Add(-time.Hour), "", 500)
			return err
		},
		"jobs_by_sandbox": func(s *jobs.Store) error {
			_, err := s.Owners(b.ctx, []string{"i1", "i2"}, []string{job.NewID()})
			return err
		},
		"jobs_with_sandbox": func(s *jobs.Store) error {
			_, err := s.Asleep(b.ctx, "80000000-0000-4000-8000-000000000000", 200)
			return err
		},
	} {
		before := b.scans(name)
		db := open(t, postgres.Config{URL: b.url})
		if err := list(jobs.NewStore(db, "", nil)); err != nil {
			t.Fatal(err)
		}
		db.Close() // its connection's end makes its statistics known
		after := b.scans(name)
		for deadline := time.Now().Add(10 * time.Second); after.index == before.index && time.Now().Before(deadline); after = b.scans(name) {
		}
		if after.index == before.index || after.table != before.table {
			t.Errorf("%s: %d scans of it, %d of the whole table", name, after.index-before.index, after.table-before.table)
		}
		if n := after.entries - before.entries; n > 1000 {
			t.Errorf("%s: %d entries read for a list of at most 500", name, n)
		}
	}
}

type scans struct{ index, entries, table int }

// scans are how often one of some indexes, and the table as a whole, have been
// read.
func (b fixture) scans(indexes string) (s scans) {
	b.t.Helper()
	const sql = `SELECT sum(i.idx_scan), sum(i.idx_tup_read), min(t.seq_scan) FROM pg_stat_user_indexes i JOIN pg_stat_user_tables t USING (relid)
		WHERE i.indexrelname = ANY($1)`
	if err := b.pool.QueryRow(b.ctx, sql, strings.Fields(indexes)).Scan(&s.index, &s.entries, &s.table); err != nil {
		b.t.Fatal(err)
	}
	return s
}
