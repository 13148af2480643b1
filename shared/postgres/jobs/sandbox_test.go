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
	woken := must(t)(b.TakeResume(b.ctx, must(t)(b.Get(b.ctx, j.ID)), jobs.Wake{Time: 10 * time.Minute}))
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
	woken := must(t)(b.TakeResume(b.ctx, j, jobs.Wake{Time: 10 * time.Minute}))
	if woken.Epoch != j.Epoch+1 || woken.SandboxPaused || woken.OpShared {
		t.Errorf("got epoch %d, paused %v, shared %v", woken.Epoch, woken.SandboxPaused, woken.OpShared)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, j, jobs.Wake{Time: 10 * time.Minute}) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, woken, jobs.Wake{Time: 10 * time.Minute}) })
	pausing := b.pausing()
	b.wantUnwritten(pausing.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, pausing, jobs.Wake{Time: 10 * time.Minute}) })
}

// joined is a wake whose first caller died, and that another waits for.
func (b fixture) joined(first job.Job) job.Job {
	b.t.Helper()
	b.pass(job.WaiterTime + time.Second)
	return must(b.t)(b.JoinResume(b.ctx, first))
}

func TestASharedResumeKeepsItsTimeWhenItEnds(t *testing.T) {
	b := setup(t)
	first := b.resuming()
	shared := b.joined(first)
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

// One call waits for a wake; the next may when it has given up, or is dead.
func TestOneWaitsForAWake(t *testing.T) {
	b := setup(t)
	first := b.resuming()
	b.wantUnwritten(first.ID, job.ErrConflict, func() (job.Job, error) { return b.JoinResume(b.ctx, first) })
	b.pass(job.WaiterTime + time.Second)
	for settled, shared := range map[bool]bool{true: false, false: true} {
		j := b.resuming()
		must(t)(b.GiveUpWait(b.ctx, j, settled))
		next := must(t)(b.JoinResume(b.ctx, j))
		if next.OpShared != shared {
			t.Errorf("after a call of which E2B's answer is known, %v: shared %v", settled, next.OpShared)
		}
		b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.GiveUpWait(b.ctx, j, true) })
		b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.JoinResume(b.ctx, j) })
		must(t)(b.GiveUpWait(b.ctx, next, true))
	}
}

// A call that E2B may not have answered is not forgotten by those that follow.
func TestACallUnderWayIsNotForgotten(t *testing.T) {
	b := setup(t)
	j := b.joined(b.resuming())
	must(t)(b.GiveUpWait(b.ctx, j, true))
	if next := must(t)(b.JoinResume(b.ctx, j)); !next.OpShared {
		t.Error("the dead call's connect may still travel, and the wake is not shared")
	}
}

// What one call has settled says nothing of the next one's.
func TestADeadCallAfterASettledOneIsNotForgotten(t *testing.T) {
	b := setup(t)
	j := b.resuming()
	must(t)(b.GiveUpWait(b.ctx, j, true))
	must(t)(b.JoinResume(b.ctx, j))
	if next := b.joined(j); !next.OpShared {
		t.Error("the dead call's connect may still travel, and the wake is not shared")
	}
}

// With all answers in, a preview can be put to sleep at once.
func TestASettledWakeLeavesNothingBehind(t *testing.T) {
	b := setup(t)
	j := b.resuming()
	must(t)(b.GiveUpWait(b.ctx, j, true))
	j = must(t)(b.JoinResume(b.ctx, j))
	done := must(t)(b.RecordResumed(b.ctx, j, jobs.Run{Due: 10 * time.Minute, TTL: 30 * time.Minute}))
	if !done.OpUntil.IsZero() || !done.WaiterUntil.IsZero() {
		t.Errorf("got op_until %v, waiter_until %v", done.OpUntil, done.WaiterUntil)
	}
	must(t)(b.RequestPause(b.ctx, j.ID))
	must(t)(b.TakePause(b.ctx, j.ID, j.Epoch))
}

func TestAUserWaitsForFewWakesAtATime(t *testing.T) {
	b := setup(t)
	take := func(j job.Job) func() (job.Job, error) {
		return func() (job.Job, error) { return b.TakeResume(b.ctx, j, jobs.Wake{Time: 10 * time.Minute}) }
	}
	next := b.paused()
	var waking []job.Job
	for range job.MaxWaking {
		waking = append(waking, b.resuming())
	}
	b.wantUnwritten(next.ID, job.ErrWaking, take(next))
	must(t)(b.GiveUpWait(b.ctx, waking[0], true))
	must(t)(take(next)())
	b.wantUnwritten(waking[0].ID, job.ErrWaking, func() (job.Job, error) { return b.JoinResume(b.ctx, waking[0]) })
	b.pass(job.WaiterTime + time.Second)
	must(t)(b.JoinResume(b.ctx, waking[0]))
}

// A preview that does not come up goes to sleep, however many wait for it.
func TestAWakeThatIsDueIsNobodysToProlong(t *testing.T) {
	b := setup(t)
	j := must(t)(b.TakeResume(b.ctx, b.paused(), jobs.Wake{Time: 5 * time.Minute}))
	for range 4 {
		b.pass(time.Minute)
		j = must(t)(b.ExtendResume(b.ctx, must(t)(b.JoinResume(b.ctx, j))))
	}
	b.pass(time.Minute)
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.JoinResume(b.ctx, j) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.ExtendResume(b.ctx, j) })
	b.pass(time.Minute + time.Second)
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, j, jobs.Wake{Time: 5 * time.Minute}) })
	must(t)(b.TakePause(b.ctx, j.ID, j.Epoch))
}

// The slower connect of a shared wake may still travel when the preview is made
// due and woken again: the new wake's end must leave it its time.
func TestAWakeBesideAnOlderConnectIsShared(t *testing.T) {
	b := setup(t)
	j := b.joined(b.resuming())
	must(t)(b.RecordResumed(b.ctx, j, jobs.Run{Due: 10 * time.Minute, TTL: 30 * time.Minute}))
	again := must(t)(b.TakeResume(b.ctx, must(t)(b.RequestPause(b.ctx, j.ID)), jobs.Wake{Time: 10 * time.Minute}))
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

// Whoever looked and found its app silent may wake a preview that is not due; but
// only one of them.
func TestARunningPreviewIsWokenOnce(t *testing.T) {
	b := setup(t)
	j := b.running()
	take := func() (job.Job, error) { return b.TakeResume(b.ctx, j, jobs.Wake{Time: 10 * time.Minute}) }
	must(t)(take())
	b.wantUnwritten(j.ID, job.ErrConflict, take)
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
	j := must(t)(b.RecordRolledBack(b.ctx, b.resuming()))
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakeResume(b.ctx, j, jobs.Wake{Time: 10 * time.Minute}) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.TakePause(b.ctx, j.ID, j.Epoch) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RequestPause(b.ctx, j.ID) })
}

func TestTheTableItselfRefusesALie(t *testing.T) {
	b := setup(t)
	paused, building := b.paused(), b.withSandbox()
	from := b.paused()
	taken := b.changing(from)
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
		"two rows with one sandbox":       `UPDATE jobs SET sandbox_state = 'running', pause_due_at = now() WHERE id = $1::uuid AND sandbox_state = 'moved'`,
		"a claim on what has moved":       `UPDATE jobs SET op_until = now() WHERE id = $1::uuid AND sandbox_state = 'moved'`,
		"moved from what is not there":    `UPDATE jobs SET sandbox_state = 'gone', op_until = NULL WHERE id = $1::uuid AND moved_to IS NOT NULL`,
		"a failure with what it took":     `UPDATE jobs SET status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'x' WHERE id = $1::uuid AND taken_from IS NOT NULL`,
		"giving back without a reason":    `UPDATE jobs SET failing_at = now() WHERE id = $1::uuid AND taken_from IS NOT NULL`,
		"giving back what was not taken":  `UPDATE jobs SET failing_at = now(), failing = 'x' WHERE id = $1::uuid AND status = 'scaffold' AND taken_from IS NULL`,
		"a ready job without a preview":   `UPDATE jobs SET preview_url = NULL WHERE id = $1::uuid AND status = 'ready'`,
	} {
		for _, id := range []string{paused.ID, building.ID, from.ID, taken.ID} {
			tag, err := b.pool.Exec(b.ctx, sql, id)
			if err == nil && tag.RowsAffected() > 0 {
				t.Errorf("the table took %s", name)
			}
		}
	}
}
