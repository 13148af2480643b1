package jobs_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/shared/job"
)

func (b fixture) count() (rows int) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.ctx, `SELECT count(*) FROM jobs`).Scan(&rows); err != nil {
		b.t.Fatal(err)
	}
	return rows
}

func TestVersionsAreCountedPerProjectWithoutGapsOrTwins(t *testing.T) {
	b := setup(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for range 8 {
		wg.Go(func() {
			j, _, err := b.Accept(b.ctx, newJob())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[j.BuildVersion] = true
		})
	}
	wg.Wait()
	for _, want := range []string{"build_v0_1", "build_v0_8"} {
		if !seen[want] || len(seen) != 8 {
			t.Errorf("got versions %v, want build_v0_1 to build_v0_8", seen)
		}
	}
	other := newJob()
	other.UserID = "user_bob"
	if j := b.accept(other); j.BuildVersion != "build_v0_1" {
		t.Errorf("another user's project of the same id got %s, want build_v0_1", j.BuildVersion)
	}
}

func TestTheSameIDIsAcceptedOnce(t *testing.T) {
	b := setup(t)
	n := newJob()
	first := b.accept(n)
	again, created, err := b.Accept(b.ctx, n)
	if err != nil || created || again.Revision != first.Revision {
		t.Errorf("got created %v, revision %d, %v", created, again.Revision, err)
	}
	n.UserID = "user_bob"
	if _, _, err := b.Accept(b.ctx, n); !errors.Is(err, job.ErrForeign) {
		t.Errorf("got %v for another user's id, want ErrForeign", err)
	}
	if got := b.count(); got != 1 {
		t.Errorf("%d rows, want 1", got)
	}
}

func TestAnIdempotencyKeyStandsForOneRequestOfOneUser(t *testing.T) {
	b := setup(t)
	n := newJob()
	n.IdempotencyKey, n.RequestHash = "once", []byte{1}
	first := b.accept(n)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			again := n
			again.ID = job.NewID()
			if j, created, err := b.Accept(b.ctx, again); err != nil || created || j.ID != first.ID {
				t.Errorf("got %s, created %v, %v; want the first job", j.ID, created, err)
			}
		})
	}
	wg.Wait()
	n.ID, n.RequestHash = job.NewID(), []byte{2}
	if _, _, err := b.Accept(b.ctx, n); !errors.Is(err, job.ErrIdempotencyKey) {
		t.Errorf("got %v for another body, want ErrIdempotencyKey", err)
	}
	n.UserID = "user_bob"
	b.accept(n)
}

// Those that wait for a day count on that day.
func TestOverTheDailyLimitAJobIsScheduledForADayWithRoom(t *testing.T) {
	b := setup(t)
	n := newJob()
	n.PerDay = 2
	var j job.Job
	today := 0
	for i := range 6 {
		n.ID = job.NewID()
		j = b.accept(n)
		if today == 0 {
			today = j.ReadAt.UTC().Day()
		} else if j.ReadAt.UTC().Day() != today {
			return // midnight came in between
		}
		day := time.Duration(i/2) * 24 * time.Hour
		if i < 2 {
			if j.Status != job.Queued {
				t.Errorf("job %d is %s, want queued", i, j.Status)
			}
		} else if want := j.ReadAt.UTC().Truncate(24 * time.Hour).Add(day); j.Status != job.Scheduled || !j.ScheduleFor.Equal(want) {
			t.Errorf("job %d is %s for %v, want scheduled for %v", i, j.Status, j.ScheduleFor, want)
		}
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.ClaimTurn(b.ctx, j.ID, 0) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.QueueScheduled(b.ctx, j, time.Hour) })

	// One that is cancelled before it began makes room on its day.
	n.ID = job.NewID()
	must(t)(b.Cancel(b.ctx, j.ID, "Cancelled by user", "d1"))
	if again := b.accept(n); !again.ScheduleFor.Equal(j.ScheduleFor) {
		t.Errorf("scheduled for %v, want the day with room, %v", again.ScheduleFor, j.ScheduleFor)
	}
}

func TestAScheduledJobIsQueuedWhenItsDayHasCome(t *testing.T) {
	b := setup(t)
	n := newJob()
	n.PerDay = 1
	b.accept(n)
	n.ID = job.NewID()
	b.accept(n)
	b.pass(24 * time.Hour)
	due, err := b.DueSchedules(b.ctx, 10)
	if err != nil || len(due) != 1 || due[0].ID != n.ID {
		t.Fatalf("due: %+v, %v", due, err)
	}
	j := must(t)(b.QueueScheduled(b.ctx, due[0], 2*time.Hour))
	if left := j.DeadlineAt.Sub(j.ReadAt); j.Status != job.Queued || left.Round(time.Minute) != 2*time.Hour {
		t.Errorf("got %s with %v to build, want its whole time from now", j.Status, left)
	}
	must(t)(b.ClaimTurn(b.ctx, j.ID, 0))
}

func TestARequestComesBackAsItWasWithoutItsSecrets(t *testing.T) {
	b := setup(t)
	start := "npm start"
	n := newJob()
	n.Request.Env = map[string]string{"TOKEN": "hunter2hunter2"}
	n.Request.Commands.Start = &start
	n.Request.Source.Files = map[string]job.File{
		"index.html": {Content: []byte("<p>hello\x00")}, "logo.png": {Content: []byte{0xff, 0, 1}}, "old.js": {Delete: true},
	}
	j := b.accept(n)
	r, err := b.Request(b.ctx, j.ID)
	if err != nil || *r.Commands.Start != start || r.Source.Files != nil || r.Env != nil {
		t.Errorf("got %+v, %v", r, err)
	}
	source, err := b.Source(b.ctx, j.ID)
	if err != nil || len(source.Files) != 3 || string(source.Files["index.html"].Content) != "<p>hello\x00" || !source.Files["old.js"].Delete {
		t.Errorf("got %+v, %v", source, err)
	}
	var row string
	if err := b.pool.QueryRow(b.ctx, `SELECT jobs::text FROM jobs`).Scan(&row); err != nil || strings.Contains(row, "hunter2") {
		t.Errorf("the row holds a secret in plain text (%v)", err)
	}
}

func TestAnUnknownJobIsNotFound(t *testing.T) {
	b := setup(t)
	if _, err := b.Get(b.ctx, job.NewID()); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
