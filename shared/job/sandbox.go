package job

import "slices"

// SandboxState says where a job's microVM is, as far as the row knows. It is a
// machine of its own, never mixed with Status.
type SandboxState string

const (
	// SandboxNone: none was created yet. The build function's move.
	SandboxNone SandboxState = "none"
	// SandboxRunning: E2B runs and bills it. While the job builds, the build
	// function owns it; from READY on it is paused when PauseDueAt has come.
	SandboxRunning SandboxState = "running"
	// SandboxPausing: a pause was recorded and may be under way. Its owner may
	// finish until OpUntil; then the next delivery of the pause message, or
	// reconcile, takes it over.
	SandboxPausing SandboxState = "pausing"
	// SandboxPaused: E2B confirmed the pause. The only state in which
	// sandbox_paused is true. Leaves by a resume, or when somebody outside
	// woke the sandbox.
	SandboxPaused SandboxState = "paused"
	// SandboxResuming: a wake was recorded and may be under way until OpUntil.
	SandboxResuming SandboxState = "resuming"
	// SandboxMoved: an iteration has it. A version's comes back if that fails.
	SandboxMoved SandboxState = "moved"
	// SandboxGone: killed, given up for younger versions, deleted, lost by E2B, or
	// brought back with older files.
	// Nothing leads out.
	SandboxGone SandboxState = "gone"
)

// SandboxStates returns every state of a sandbox.
func SandboxStates() []SandboxState {
	return []SandboxState{SandboxNone, SandboxRunning, SandboxPausing, SandboxPaused, SandboxResuming, SandboxMoved, SandboxGone}
}

// sandboxMoves is the whole state machine of a sandbox: where it may go from each
// state, and who takes it there.
var sandboxMoves = map[SandboxState]map[SandboxState][]Maker{
	SandboxNone:     {SandboxRunning: {ByBuild}},
	SandboxRunning:  {SandboxNone: {ByBuild}, SandboxPausing: {ByPause}, SandboxResuming: {ByResume}, SandboxMoved: {ByBuild}, SandboxGone: {ByBuild, ByCancel, ByDelete, ByReconcile}},
	SandboxPausing:  {SandboxPaused: {ByPause}, SandboxRunning: {ByPause}, SandboxResuming: {ByResume}, SandboxMoved: {ByBuild}, SandboxGone: {ByDelete, ByReconcile}},
	SandboxPaused:   {SandboxResuming: {ByResume}, SandboxRunning: {ByReconcile}, SandboxMoved: {ByBuild}, SandboxGone: {ByDelete, ByReconcile}},
	SandboxResuming: {SandboxRunning: {ByResume}, SandboxPausing: {ByPause}, SandboxMoved: {ByBuild}, SandboxGone: {ByDelete, ByReconcile, ByResume}},
	SandboxMoved:    {SandboxRunning: {ByBuild}, SandboxGone: {ByBuild, ByDelete, ByReconcile}},
}

// CanMove reports whether a sandbox may go from s to next.
func (s SandboxState) CanMove(next SandboxState) bool { return len(sandboxMoves[s][next]) > 0 }

// Makers are who may take a sandbox from s to next.
func (s SandboxState) Makers(next SandboxState) []Maker { return sandboxMoves[s][next] }

// Known reports whether s is a state of this version.
func (s SandboxState) Known() bool { return slices.Contains(SandboxStates(), s) }
