package metrics

import "strings"

// Name is a metric's. What it ends in is its unit: _seconds, _ms, or else a count.
// CloudWatch bills each name of a stack, so there are few, and none is made of what
// callers send. docs/monitoring.md says what each is good for.
type Name string

// The metrics that have one name each.
const (
	JobsAccepted       Name = "jobs_accepted"
	JobsReady          Name = "jobs_ready"
	JobsFailedApp      Name = "jobs_failed_app"      // by what was to be built
	JobsFailedSandbox  Name = "jobs_failed_sandbox"  // by E2B, or a sandbox that was lost
	JobsFailedDeadline Name = "jobs_failed_deadline" // by their time
	JobsFailedService  Name = "jobs_failed_service"  // by Siesta itself
	JobsCancelled      Name = "jobs_cancelled"

	TimeToReady Name = "time_to_ready_seconds" // from when a job was queued
	TimeToSleep Name = "time_to_sleep_seconds" // from READY to E2B's word for the first sleep
	Idle        Name = "idle_seconds"          // from when a preview was to sleep to E2B's word for it

	PausesAsleep  Name = "pauses_asleep"
	PausesRefused Name = "pauses_refused"
	PausesFailed  Name = "pauses_failed"  // without effect; tried again
	PausesUnknown Name = "pauses_unknown" // no answer; asked again

	WakesUp         Name = "wakes_up"
	WakesUnfinished Name = "wakes_unfinished" // the next call goes on
	WakesFailed     Name = "wakes_failed"
	WakesRefused    Name = "wakes_refused" // by limits, of the tier, of a link or of wakes at a time
	WakesLost       Name = "wakes_lost"    // the sandbox had older files
	WakeTime        Name = "wake_ms"       // of one call that ended with the preview up

	Cached              Name = "jobs_cached"           // 1 told by the cache, 0 by Postgres: the average is the share
	TurnsWithoutSandbox Name = "turns_without_sandbox" // likewise, of build turns
	ColdStarts          Name = "cold_starts"

	Awake          Name = "sandboxes_awake" // in E2B's list, of this stack
	LatePauses     Name = "late_pauses"
	AbandonedOps   Name = "abandoned_ops"
	AbandonedTurns Name = "abandoned_turns"
	Orphans        Name = "orphans"
	Woken          Name = "woken"
	Missing        Name = "missing"
	FailedParts    Name = "failed_parts" // of a run of reconcile
)

// ends are how a job may, cancellation aside.
var ends = []Name{JobsReady, JobsFailedApp, JobsFailedSandbox, JobsFailedDeadline, JobsFailedService}

// Stage is how long jobs were in a stage of their build.
func Stage(name string) Name { return Name("stage_" + name + "_seconds") }

// Call is how long calls of a kind to E2B took, whatever came of them; how many
// there were is the count of its values.
func Call(op string) Name { return Name("e2b_" + op + "_ms") }

// Refused counts the calls of a kind that E2B answered with a no of its own, and
// Unanswered those without an answer.
func Refused(op string) Name    { return Name("e2b_" + op + "_refused") }
func Unanswered(op string) Name { return Name("e2b_" + op + "_unanswered") }

func (n Name) unit() string {
	switch {
	case strings.HasSuffix(string(n), "_seconds"):
		return "Seconds"
	case strings.HasSuffix(string(n), "_ms"):
		return "Milliseconds"
	}
	return "Count"
}
