package job

// Maker is who makes a move of a state machine: a function, by its name.
type Maker string

// The makers.
const (
	ByBuild     Maker = "build"
	ByCancel    Maker = "cancel"
	ByDelete    Maker = "delete"
	ByPause     Maker = "pause"
	ByReconcile Maker = "reconcile"
	ByResume    Maker = "resume"
)
