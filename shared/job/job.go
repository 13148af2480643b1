// Package job owns the words of Siesta: what a job is, which states it and its
// sandbox can be in, which moves are legal, what a request may ask for, the
// protocol's times, and the errors by which the parts tell each other what
// happened. It calls nobody itself, and imports the standard library only.
package job

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"time"
)

// Workspace is the folder inside a sandbox that holds the user's app.
const Workspace = "/home/user/project"

// Job is one accepted request for a build: the row as a write or read returned
// it. All times are the database's. A zero time means "not set". One of a list
// comes without EnvSealed, and one of the cache with the few fields that its
// status is told by.
type Job struct {
	ID        string // UUID, lower case
	ProjectID string // UUID; means nothing without UserID
	UserID    string
	Tier      Tier
	Status    Status
	Goal      string
	EnvSealed []byte // the request's env, sealed; nil when it had none

	BaseJobID string // the version that it starts from; "" for none
	TakenFrom string // the version whose sandbox it took; "": it has its own
	MovedTo   string // the iteration that took its sandbox; "": none, or it came back
	KeptHash  string // of the copy of the workspace as it was taken; "": nothing in it may change yet
	Rebuild   bool   // it is that version built again

	BuildVersion  string // build_v0_N, N counted per user and project
	SandboxID     string
	SandboxStack  string // the stack that SandboxID belongs to; "" before there is one
	PreviewURL    string
	WorkspacePath string

	SandboxState     SandboxState
	SandboxPaused    bool // true exactly when SandboxState is SandboxPaused
	SandboxExpiresAt time.Time
	PausedAt         time.Time
	PauseError       string // why E2B refused the last pause, in words

	ErrorMessage string // why the job failed, in words for its user
	Failing      string // why it will, once what it took is given back
	DebugID      string

	EnqueuedAt  time.Time
	StartedAt   time.Time
	CompletedAt time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time
	DeadlineAt  time.Time // past it the job is failed
	ScheduleFor time.Time // a scheduled job becomes queued then
	CurrentAt   time.Time // of a READY job: the project's newest counts
	GoneAt      time.Time // its sandbox was given up then
	DeletedAt   time.Time // its user deleted it then: for users it is not there
	FailingAt   time.Time // since when it gives back what it took

	// The builder's side of the protocol.
	Turn          int       // raised by each hand-over
	Claim         int       // the builder's fence, raised by each claim
	LeaseUntil    time.Time // who claimed owns the job until then
	Crashes       int       // turns that were claimed a second time; since FailingAt, turns that E2B answered
	CreateNo      int       // number of the newest create call
	CreateSentAt  time.Time // set while a create call may be under way
	StepStartedAt time.Time // when the current status was entered
	Progress

	// The sandbox's side of the protocol.
	Epoch        int       // the sandbox's fence, raised by each start and wake
	MarkerEpoch  int       // newest epoch whose marker file is in the sandbox
	OpUntil      time.Time // who recorded pausing or resuming owns it until then
	OpShared     bool      // another call than the newest may be under way
	WaiterUntil  time.Time // the one call that waits for a wake does so until then
	PauseDueAt   time.Time
	MissingSince time.Time // E2B first said 404 then

	Revision int64     // raised by every write; the cache takes only newer ones
	ReadAt   time.Time // the database's clock when this row was returned
}

// Progress is how far a build has come within its status. A turn begins with the
// row's, and carries its own on until one of its writes takes it into the row.
type Progress struct {
	Plan      Plan  // what the build found out about how to run the app
	PolledMS  int   // milliseconds spent waiting for commands so far
	LogOffset int64 // bytes of the current step's output already published

	// SourceKey is where the code is kept that the app was built from: what
	// SourceKey returned, SourceNone, or "" where nobody has tried yet.
	SourceKey string
}

// Plan is how a job's app is installed, checked and served: the request's own
// commands where it named them, else what the build detected. An empty command
// means that there is none.
type Plan struct {
	Install string `json:"install"`
	Check   string `json:"check"`
	Start   string `json:"start"`
	Port    int    `json:"port"`              // that the app is told, as PORT
	Named   bool   `json:"named,omitempty"`   // the request named it: no other will do
	Preview int    `json:"preview,omitempty"` // that its visitors see, where that is another
	Several bool   `json:"several,omitempty"` // Start runs several programs that may listen: the first answer need not be the page's
	Preload string `json:"preload,omitempty"` // a program that Node runs before the server; see Server
	Reloads bool   `json:"reloads,omitempty"` // the server shows changed files by itself, whatever their kind
	// ServedBy is the folder of the step of another job whose server is this one's,
	// as long as this one has started none in its sandbox; "" for none.
	ServedBy string `json:"served_by,omitempty"`

	Framework string            `json:"framework,omitempty"` // the kind of app, a row of docs/builds.md; "" if it was not looked for
	Why       string            `json:"why,omitempty"`       // what told it, in a line for people
	Env       map[string]string `json:"env,omitempty"`       // what the kind finds; the request's env comes first
}

// Shown is the port that the app's visitors see; 0: it is not known yet.
func (p Plan) Shown() int { return cmp.Or(p.Preview, p.Port) }

// CheckOwner is nil when j is the user's own, else ErrForeign, or ErrNotFound
// when its user has deleted it.
func (j Job) CheckOwner(user string) error {
	switch {
	case j.UserID != user:
		return ErrForeign
	case !j.DeletedAt.IsZero():
		return ErrNotFound
	}
	return nil
}

// BecameCurrent reports whether the write that returned j made it its project's
// current version.
func (j Job) BecameCurrent() bool {
	return j.Status == Ready && !j.CurrentAt.IsZero() && j.CurrentAt.Equal(j.UpdatedAt)
}

// Took reports whether j works in the sandbox of an earlier version.
func (j Job) Took() bool { return j.TakenFrom != "" }

// GivesBack reports whether j has failed and has still to give back what it took.
func (j Job) GivesBack() bool { return !j.FailingAt.IsZero() && !j.Status.Terminal() }

// Kept reports whether the code that j was built from is kept.
func (j Job) Kept() bool { return j.SourceKey != "" && j.SourceKey != SourceNone }

// Believable reports whether a cached j may be told to its user. A sleep may be
// over by now, and whoever woke it unable to tell the cache: so it is believed
// only for a while after it was read.
func (j Job) Believable(now time.Time) bool {
	return !j.SandboxPaused || now.Sub(j.ReadAt) < SleepBelieved
}

// Awake reports whether the preview is, as far as its row knows, and is not about to
// be put to sleep at this moment.
func (j Job) Awake(now time.Time) bool {
	return j.Status == Ready && j.SandboxState == SandboxRunning && j.PauseDueAt.After(now) && j.SandboxExpiresAt.After(now)
}

// AwakeUntil is when the preview is due to sleep; zero when it sleeps, or there is
// none.
func (j Job) AwakeUntil() time.Time {
	if j.Status != Ready || j.SandboxState != SandboxRunning && j.SandboxState != SandboxResuming {
		return time.Time{}
	}
	return j.PauseDueAt
}

// Message is the sentence that goes with a job's status in events.
func (j Job) Message() string {
	if j.Status == Failed && j.ErrorMessage != "" {
		return j.ErrorMessage
	}
	return j.Status.Label()
}

// OverdueMessage says of a job that has begun that its deadline ended it.
func (j Job) OverdueMessage() string {
	return fmt.Sprintf("The build took longer than its limit of %s and was stopped.", j.DeadlineAt.Sub(j.StartedAt).Round(time.Second))
}

// NewID returns a random UUID (version 4).
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// IsID reports whether s is a UUID in its canonical lower-case form.
func IsID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}
