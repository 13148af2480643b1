package page

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"siesta/shared/job"
)

// State is what a visitor sees of a preview.
type State string

const (
	Awake    State = "awake"
	Asleep   State = "asleep"
	Waking   State = "waking"
	Building State = "building"
	Failed   State = "failed"
	Moved    State = "moved"
	Gone     State = "gone"
	Error    State = "error" // of the page's own; never an answer of state
)

// View is what a visitor is shown of a preview. It says nothing of its owner, and
// of what a build has printed only what the link shows. Every key is always there; nil
// is null.
type View struct {
	State      State      `json:"state"`
	Title      string     `json:"title"`
	Text       string     `json:"text"`
	Version    string     `json:"version"` // "" until it is READY
	Stage      job.Status `json:"stage"`
	PreviewURL *string    `json:"preview_url"` // where it is awake
	AwakeUntil *string    `json:"awake_until"` // RFC 3339, UTC
	Log        []string   `json:"log"`         // its last lines, while it is built and where that failed; nil: not for this link

	Button string `json:"-"` // what wakes it; "": nothing would
}

// Describe is what a visitor is shown of j.
func Describe(j job.Job, now time.Time) View {
	v := View{Stage: j.Status}
	switch {
	case j.Status == job.Failed:
		v.State, v.Title, v.Text = Failed, "This version could not be built", "Ask who shared it for another one."
		return v
	case j.Status == job.Scheduled:
		v.State, v.Title, v.Text = Building, "This preview is to be built", "It is scheduled for another day."
		return v
	case j.Status != job.Ready:
		v.State, v.Title, v.Text = Building, "This preview is being built", j.Status.Label()
		return v
	}
	v.Version = strings.TrimPrefix(j.BuildVersion, "build_v0_")
	name := "Version " + v.Version
	switch {
	case j.SandboxState == job.SandboxMoved:
		v.State, v.Title = Moved, "A newer version takes its place"
		v.Text = name + " is being changed, or was. This page goes on by itself if it can; if it stays as it is, ask who shared it for a newer link."
	case j.SandboxState == job.SandboxGone || j.SandboxState == job.SandboxNone:
		v.State, v.Title, v.Text = Gone, "This preview is no longer kept", name+" would have to be built again. Ask who shared it."
	case j.Awake(now):
		until := j.PauseDueAt.UTC().Format(time.RFC3339)
		v.State, v.Title, v.PreviewURL, v.AwakeUntil = Awake, name, &j.PreviewURL, &until
		v.Text = j.PauseDueAt.UTC().Format("It falls asleep at 15:04 UTC; load this page again then.")
	case j.SandboxState == job.SandboxResuming && j.PauseDueAt.After(now):
		v.State, v.Title, v.Text, v.Button = Waking, "This preview is waking up", name+" is there in a few seconds.", "Open preview"
	default:
		v.State, v.Title, v.Text, v.Button = Asleep, "This preview is asleep", name+built(j)+" wakes a few seconds after a click.", "Open preview"
	}
	return v
}

// built says when a version was made, where that is known.
func built(j job.Job) string {
	if j.CreatedAt.IsZero() {
		return ""
	}
	return j.CreatedAt.UTC().Format(", built on 2 January 2006 at 15:04 UTC,")
}

// Again is when a page should ask again.
func (v View) Again() time.Duration {
	switch {
	case v.Stage == job.Scheduled:
		return 30 * time.Second
	case v.State == Building, v.State == Waking, v.State == Moved:
		return 2 * time.Second
	case v.State == Awake, v.State == Asleep:
		return 10 * time.Second
	default:
		return 30 * time.Second
	}
}

// Tag changes with whatever a page is told.
func (v View) Tag() string {
	text, _ := json.Marshal(v) // texts only: it cannot fail
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}
