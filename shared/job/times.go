package job

import "time"

// The protocol's times: whoever acts on a job or on its sandbox keeps to them.
// Most must be longer than some other: times_test.go holds which than which,
// docs/lifecycle.md says why.
const (
	// FunctionEnd is when a turn, a batch of pauses or a run of reconcile is
	// ended, wherever it is.
	FunctionEnd = 100 * time.Second
	// Lease is how long a claimed turn is its builder's alone.
	Lease = 105 * time.Second
	// MessageHidden is how long a message in work is not delivered again.
	MessageHidden = 110 * time.Second
	// OpTime is how long who recorded pausing or resuming owns the sandbox.
	OpTime = 120 * time.Second
	// WaiterTime is how long the one call that waits for a wake may: it outlives
	// a call of resume.
	WaiterTime = 30 * time.Second
	// SleepBelieved is how long after it was read from Postgres a cached sleep is
	// believed. A wake that cannot tell the cache waits for as long.
	SleepBelieved = 10 * time.Second
	// GiveBackTime is how long a job tries to give back the sandbox that it took.
	GiveBackTime = 24 * time.Hour
	// ShareBelieved is how long after it was read from Postgres a cached number of
	// a project's share links is believed: the longest that a link may outlive its
	// end where the cache cannot be told, or has lost it.
	ShareBelieved = time.Minute
	// Grace is longer than any list or GET of E2B lags behind.
	Grace = 5 * time.Minute
)

// How long a call that changes anything at E2B may take.
const (
	// SendTime: it is sent within this time of its record, or not at all.
	SendTime = 20 * time.Second
	// TurnSendTime is SendTime of a create or a connect of a build, from the
	// receipt of its message, which is before the claim: the lease is shorter
	// than OpTime.
	TurnSendTime = 10 * time.Second
	// AnswerTime outlives the 75 s after which E2B itself gives up: an answer
	// that can still come is waited for.
	AnswerTime = 80 * time.Second
	// KillTime is how long the answer to a kill is waited for: reconcile makes
	// again what was not answered.
	KillTime = 8 * time.Second
)

// How long a sandbox may run.
const (
	// BuildTTL, with the time to the pause, is the time-out that each turn gives
	// a sandbox: longer than any wait between two turns.
	BuildTTL = 30 * time.Minute
	// MaxPauseAfter is the longest that a preview may run from READY on.
	MaxPauseAfter = 15 * time.Minute
	// DefaultWake is how long a resumed preview stays awake where the stack does not say;
	// MinWake and MaxWake bound that.
	DefaultWake = 10 * time.Minute
	MinWake     = 2 * OpTime
	MaxWake     = 45 * time.Minute
	// WakeMargin is how much longer than its due time a resumed sandbox may
	// live, so that E2B never ends it before we do.
	WakeMargin = 15 * time.Minute
	// DueMargin is how far ahead a running preview's due time and end must be
	// for a resume to leave it as it is.
	DueMargin = 30 * time.Second
	// RefusedPauseRest is how long a refused pause is left alone at the least,
	// so that nothing asks again every minute.
	RefusedPauseRest = time.Hour
	// MaxFailedPauseWait is what the message of a pause that failed waits for at
	// the most, so that reconcile does not take it for abandoned.
	MaxFailedPauseWait = ReconcileAfter - 5*time.Second
)

// When reconcile steps in.
const (
	// ReconcileEvery is the time from one run to the next.
	ReconcileEvery = time.Minute
	// ReconcileAfter is how late something must be to count as stuck: whoever is
	// about to do it has that time.
	ReconcileAfter = time.Minute
	// ReconcilePart is what each of the nine parts of a run may take.
	ReconcilePart = 10 * time.Second
	// MaxPauseSilence and MaxTurnSilence bound how long reconcile waits before it
	// sends again for what is stuck: a sandbox that runs on costs money, a build
	// that stands still its user's time.
	MaxPauseSilence = 3 * time.Minute
	MaxTurnSilence  = 10 * time.Minute
)
