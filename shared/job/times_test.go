package job_test

import (
	"testing"
	"time"

	"siesta/shared/job"
)

// What docs/lifecycle.md tells of the times holds only while each outlives what
// it was made for.
func TestTheTimesOutliveWhatTheyAreMadeFor(t *testing.T) {
	const (
		slack       = 5 * time.Second  // between a deadline and its consequence
		e2bGivesUp  = 75 * time.Second // E2B's own time-out of a pause
		latestPause = 12 * time.Minute // past its due time, every crash and wait counted
		shortestRun = time.Hour        // that E2B's smallest plan grants
		idle        = 4 * time.Minute  // past its due time after any one crash
		queueDelay  = 15 * time.Minute // the longest of SQS
		parts       = 9                // of a run of reconcile
	)
	for _, c := range []struct {
		what            string
		longer, shorter time.Duration
	}{
		{"a lease outlives its turn", job.Lease, job.FunctionEnd + slack},
		{"a message in work comes back after the lease", job.MessageHidden, job.Lease + slack},
		{"a message in work comes back after its function", job.MessageHidden, job.FunctionEnd + slack},
		{"who owns a sandbox outlives its function", job.OpTime, job.FunctionEnd + slack},
		{"an answer of E2B is waited for for longer than E2B has", job.AnswerTime, e2bGivesUp + slack},
		{"op_until outlives a call", job.OpTime, job.SendTime + job.AnswerTime + slack},
		{"a lease outlives a turn's call", job.Lease, job.TurnSendTime + job.AnswerTime + slack},
		{"a turn lives to hear the answer to its call", job.FunctionEnd, job.TurnSendTime + job.AnswerTime + slack},
		{"a pause lives to hear the answer to its call", job.FunctionEnd, job.SendTime + job.AnswerTime},
		{"a grace outlives a turn and its call", job.Grace, job.MessageHidden + job.OpTime},
		{"a build's sandbox outlives its due time", job.BuildTTL, latestPause},
		{"a build's sandbox outlives the longest wait between two turns", job.BuildTTL, queueDelay + job.MaxTurnSilence},
		{"a resumed sandbox outlives its due time", job.WakeMargin, latestPause},
		{"the smallest plan grants the longest wake", shortestRun, job.MaxWake + job.WakeMargin},
		{"the smallest plan grants the longest build", shortestRun, job.BuildTTL + job.MaxPauseAfter},
		{"a wake's connect has landed when it is due", job.MinWake, job.OpTime + job.SendTime},
		{"a resume does not leave alone what is due before its answer", job.DueMargin, 25 * time.Second},
		{"a pause is late a minute after its message should have done it", job.ReconcileAfter, job.MaxFailedPauseWait + slack},
		{"the bound on idle time", idle, job.ReconcileAfter + job.ReconcileEvery + job.OpTime},
		{"a sandbox that runs on is asked for more often than a build", job.MaxTurnSilence, job.MaxPauseSilence},
		{"a refused pause is not asked for as a late one", job.RefusedPauseRest, job.MaxPauseSilence},
		{"a run of reconcile, with the kill that it waits for, ends by itself", job.FunctionEnd, parts*job.ReconcilePart + job.KillTime},
	} {
		if c.longer < c.shorter {
			t.Errorf("%s: %s is shorter than %s", c.what, c.longer, c.shorter)
		}
	}
}
