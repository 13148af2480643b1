package jobs_test

import (
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

func TestAPauseIsTakenOnceAndOnlyWhenDue(t *testing.T) {
	b := setup(t)
	j := b.running()
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakePause(b.ctx, j.ID, j.Epoch) })
	b.pass(10 * time.Minute)
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakePause(b.ctx, j.ID, j.Epoch-1) })
	taken := must(t)(b.TakePause(b.ctx, j.ID, j.Epoch))
	if taken.SandboxState != job.SandboxPausing || taken.SandboxPaused {
		t.Errorf("got %s, paused %v", taken.SandboxState, taken.SandboxPaused)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakePause(b.ctx, j.ID, j.Epoch) })
	b.pass(job.OpTime + time.Second)
	heir := must(t)(b.TakePause(b.ctx, j.ID, j.Epoch))
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordPaused(b.ctx, taken) })
	must(t)(b.RecordPaused(b.ctx, heir))
}

func TestPausedIsWrittenOnlyByTheOwnerOfThePause(t *testing.T) {
	b := setup(t)
	j := b.pausing()
	b.pass(job.OpTime + time.Second)
	woken := must(t)(b.TakeResume(b.ctx, must(t)(b.Get(b.ctx, j.ID)), 10*time.Minute))
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordPaused(b.ctx, j) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordPauseRefused(b.ctx, j, "plan") })
	if woken.Epoch != j.Epoch+1 {
		t.Errorf("got epoch %d, want %d", woken.Epoch, j.Epoch+1)
	}
}

func TestPausedHasItsTimeAndNoEnd(t *testing.T) {
	b := setup(t)
	j := b.paused()
	if !j.SandboxPaused || j.PausedAt.IsZero() || !j.SandboxExpiresAt.IsZero() || !j.OpUntil.IsZero() {
		t.Errorf("got paused %v at %v, expires %v, op until %v", j.SandboxPaused, j.PausedAt, j.SandboxExpiresAt, j.OpUntil)
	}
}

func TestARefusedPauseIsNotAskedForAgainSoon(t *testing.T) {
	b := setup(t)
	j := must(t)(b.RecordPauseRefused(b.ctx, b.pausing(), "Your plan has no pause."))
	if j.SandboxState != job.SandboxRunning || j.SandboxPaused || j.PauseError == "" {
		t.Errorf("got %s, paused %v, error %q", j.SandboxState, j.SandboxPaused, j.PauseError)
	}
	b.pass(59 * time.Minute)
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakePause(b.ctx, j.ID, j.Epoch) })
	b.pass(2 * time.Minute)
	must(t)(b.TakePause(b.ctx, j.ID, j.Epoch))
}

func TestAFailedPauseIsTakenAgainAtOnce(t *testing.T) {
	b := setup(t)
	j := must(t)(b.RecordNotPaused(b.ctx, b.pausing()))
	must(t)(b.TakePause(b.ctx, j.ID, j.Epoch))
}

func TestAResumeRaisesTheEpochOnce(t *testing.T) {
	b := setup(t)
	j := b.paused()
	woken := must(t)(b.TakeResume(b.ctx, j, 10*time.Minute))
	if woken.Epoch != j.Epoch+1 || woken.SandboxPaused || woken.OpShared {
		t.Errorf("got epoch %d, paused %v, shared %v", woken.Epoch, woken.SandboxPaused, woken.OpShared)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, j, 10*time.Minute) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, woken, 10*time.Minute) })
	pausing := b.pausing()
	b.wantUnwritten(pausing.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, pausing, 10*time.Minute) })
}

func TestASharedResumeKeepsItsTimeWhenItEnds(t *testing.T) {
	b := setup(t)
	first := b.resuming()
	shared := must(t)(b.JoinResume(b.ctx, first))
	b.wantUnwritten(first.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordNotResumed(b.ctx, first) })
	done := must(t)(b.RecordResumed(b.ctx, first, jobs.Run{Due: 10 * time.Minute, TTL: 30 * time.Minute}))
	if !done.OpUntil.Equal(shared.OpUntil) {
		t.Errorf("got op_until %v, want %v: the other connect may still be under way", done.OpUntil, shared.OpUntil)
	}
	b.wantUnwritten(first.ID, job.ErrConflict, func() (job.Job, error) {
		return b.RecordResumed(b.ctx, shared, jobs.Run{Due: time.Minute, TTL: time.Minute})
	})
	requested := must(t)(b.RequestPause(b.ctx, first.ID))
	b.wantUnwritten(first.ID, job.ErrConflict, func() (job.Job, error) { return b.TakePause(b.ctx, first.ID, requested.Epoch) })
	b.pass(job.OpTime + time.Second)
	must(t)(b.TakePause(b.ctx, first.ID, requested.Epoch))
}

// A preview that does not come up goes to sleep, however many wait for it.
func TestAWakeThatIsDueIsNobodysToProlong(t *testing.T) {
	b := setup(t)
	j := must(t)(b.TakeResume(b.ctx, b.paused(), 5*time.Minute))
	for range 4 {
		b.pass(time.Minute)
		j = must(t)(b.ExtendResume(b.ctx, must(t)(b.JoinResume(b.ctx, j))))
	}
	b.pass(time.Minute)
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.JoinResume(b.ctx, j) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.ExtendResume(b.ctx, j) })
	b.pass(time.Minute + time.Second)
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, j, 5*time.Minute) })
	must(t)(b.TakePause(b.ctx, j.ID, j.Epoch))
}

// The slower connect of a shared wake may still travel when the preview is made
// due and woken again: the new wake's end must leave it its time.
func TestAWakeBesideAnOlderConnectIsShared(t *testing.T) {
	b := setup(t)
	j := must(t)(b.JoinResume(b.ctx, b.resuming()))
	must(t)(b.RecordResumed(b.ctx, j, jobs.Run{Due: 10 * time.Minute, TTL: 30 * time.Minute}))
	again := must(t)(b.TakeResume(b.ctx, must(t)(b.RequestPause(b.ctx, j.ID)), 10*time.Minute))
	done := must(t)(b.RecordResumed(b.ctx, again, jobs.Run{Due: 10 * time.Minute, TTL: 30 * time.Minute}))
	if !again.OpShared || !done.OpUntil.Equal(again.OpUntil) {
		t.Errorf("shared %v, op until %v, want it kept at %v", again.OpShared, done.OpUntil, again.OpUntil)
	}
}

// What is being put to sleep is due, also before the time that its wake had.
func TestAPauseOfADeadWakeIsDue(t *testing.T) {
	b := setup(t)
	j := b.resuming()
	b.pass(job.OpTime + time.Second)
	if j = must(t)(b.TakePause(b.ctx, j.ID, j.Epoch)); j.PauseDueAt.After(j.ReadAt) {
		t.Errorf("due in %v", j.PauseDueAt.Sub(j.ReadAt))
	}
}

func TestAResumeOfARunningPreviewWaitsUntilItIsDue(t *testing.T) {
	b := setup(t)
	j := b.running()
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, j, 10*time.Minute) })
	b.pass(10*time.Minute - job.DueMargin)
	must(t)(b.TakeResume(b.ctx, j, 10*time.Minute))
}

func TestADeadResumeIsPutBackToSleep(t *testing.T) {
	b := setup(t)
	j := b.resuming()
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakePause(b.ctx, j.ID, j.Epoch) })
	b.pass(job.OpTime + time.Second)
	must(t)(b.TakePause(b.ctx, j.ID, j.Epoch))
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) {
		return b.RecordResumed(b.ctx, j, jobs.Run{Due: time.Minute, TTL: time.Minute})
	})
}

func TestALostSandboxStaysLost(t *testing.T) {
	b := setup(t)
	wake := b.resuming()
	if wake.EnvSealed == nil {
		t.Error("a preview that may be started again has lost its environment")
	}
	j := must(t)(b.RecordRolledBack(b.ctx, wake))
	if j.EnvSealed != nil {
		t.Errorf("its environment is kept: %q", j.EnvSealed)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, j, 10*time.Minute) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakePause(b.ctx, j.ID, j.Epoch) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RequestPause(b.ctx, j.ID) })
}

func TestTheTableItselfRefusesALie(t *testing.T) {
	b := setup(t)
	paused, building := b.paused(), b.withSandbox()
	for name, sql := range map[string]string{
		"paused flag without the state":   `UPDATE jobs SET sandbox_paused = true WHERE id = $1::uuid AND sandbox_state = 'running'`,
		"a building job that sleeps":      `UPDATE jobs SET sandbox_state = 'paused', sandbox_paused = true, paused_at = now() WHERE id = $1::uuid AND status = 'scaffold'`,
		"an unfinished job with no lease": `UPDATE jobs SET lease_until = NULL WHERE id = $1::uuid AND status = 'scaffold'`,
		"a sandbox without an id":         `UPDATE jobs SET sandbox_id = NULL WHERE id = $1::uuid AND sandbox_state = 'running'`,
		"a failure without a reason":      `UPDATE jobs SET status = 'failed', completed_at = now(), lease_until = NULL WHERE id = $1::uuid AND status = 'scaffold'`,
		"an unknown state":                `UPDATE jobs SET sandbox_state = 'asleep' WHERE id = $1::uuid AND status = 'scaffold'`,
		"a pause without an owner":        `UPDATE jobs SET sandbox_state = 'pausing', sandbox_paused = false, op_until = NULL WHERE id = $1::uuid AND status = 'ready'`,
		"a preview that runs for ever":    `UPDATE jobs SET sandbox_state = 'running', sandbox_paused = false, pause_due_at = NULL WHERE id = $1::uuid AND status = 'ready'`,
		"a marker from the future":        `UPDATE jobs SET marker_epoch = epoch + 1 WHERE id = $1::uuid`,
		"a ready job without a preview":   `UPDATE jobs SET preview_url = NULL WHERE id = $1::uuid AND status = 'ready'`,
	} {
		for _, id := range []string{paused.ID, building.ID} {
			tag, err := b.pool.Exec(b.ctx, sql, id)
			if err == nil && tag.RowsAffected() > 0 {
				t.Errorf("the table took %s", name)
			}
		}
	}
}
