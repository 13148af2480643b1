package job

import "slices"

// Status says where a job is. Each constant's comment tells how a job gets
// there, how it leaves, and whose move is next.
type Status string

const (
	// Queued: accepted, or its scheduled day has come. Leaves by the first claim
	// of the build function, whose move it is.
	Queued Status = "queued"
	// Starting: claimed. The build function finds or creates the sandbox.
	Starting Status = "starting"
	// Scaffold: the sandbox is known. The build function uploads the source.
	Scaffold Status = "scaffold"
	// Code: the source is in. The generator command, if any, runs.
	Code Status = "code"
	// Deps: the code is there. The install command runs.
	Deps Status = "deps"
	// Checks: installed. The check command runs, the server starts, the
	// preview is probed from outside.
	Checks Status = "checks"
	// Ready: the preview answered. Terminal; from here on only the sandbox's
	// state changes, by pause, resume, snapshot and reconcile.
	Ready Status = "ready"
	// Failed: ended without a preview, or cancelled. Terminal. Whoever wrote it
	// kills the sandbox; reconcile kills it if that did not happen.
	Failed Status = "failed"
	// Scheduled: accepted over the user's daily limit. Reconcile queues it when
	// its day has come.
	Scheduled Status = "scheduled"
)

// Statuses returns every status, in the order of a build.
func Statuses() []Status {
	return []Status{Scheduled, Queued, Starting, Scaffold, Code, Deps, Checks, Ready, Failed}
}

// statusMoves is the whole state machine of a job: where it may go from each
// status, and who takes it there.
var statusMoves = map[Status]map[Status][]Maker{
	Scheduled: {Queued: {ByReconcile}, Failed: {ByCancel, ByDelete}},
	Queued:    {Starting: {ByBuild}, Failed: {ByBuild, ByCancel, ByDelete}},
	Starting:  {Scaffold: {ByBuild}, Failed: {ByBuild, ByCancel, ByDelete, ByReconcile}},
	Scaffold:  {Code: {ByBuild}, Failed: {ByBuild, ByCancel, ByDelete, ByReconcile}},
	Code:      {Deps: {ByBuild}, Failed: {ByBuild, ByCancel, ByDelete, ByReconcile}},
	Deps:      {Checks: {ByBuild}, Failed: {ByBuild, ByCancel, ByDelete, ByReconcile}},
	Checks:    {Ready: {ByBuild}, Failed: {ByBuild, ByCancel, ByDelete, ByReconcile}},
}

// CanMove reports whether a job may go from s to next.
func (s Status) CanMove(next Status) bool { return len(statusMoves[s][next]) > 0 }

// Makers are who may take a job from s to next.
func (s Status) Makers(next Status) []Maker { return statusMoves[s][next] }

// Terminal reports whether no move leads out of s.
func (s Status) Terminal() bool { return s == Ready || s == Failed }

// Known reports whether s is a status of this version.
func (s Status) Known() bool { return slices.Contains(Statuses(), s) }

// Label is what a user is shown for s; an unknown status is its own label.
func (s Status) Label() string {
	if l, ok := statusLabels[s]; ok {
		return l
	}
	return string(s)
}

var statusLabels = map[Status]string{
	Queued:    "Queued...",
	Starting:  "Starting...",
	Scaffold:  "Scaffolding workspace...",
	Code:      "Writing code...",
	Deps:      "Installing dependencies...",
	Checks:    "Running checks...",
	Ready:     "Build complete!",
	Failed:    "Build failed",
	Scheduled: "Scheduled",
}
