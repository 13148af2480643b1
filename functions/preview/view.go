package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"siesta/shared/job"
	"siesta/shared/wake"
)

// state is what a visitor sees of a preview.
type state string

const (
	stateAwake    state = "awake"
	stateAsleep   state = "asleep"
	stateWaking   state = "waking"
	stateBuilding state = "building"
	stateFailed   state = "failed"
	stateMoved    state = "moved"
	stateGone     state = "gone"
	stateError    state = "error" // of the page's own; never an answer of state
)

// view is what a visitor is shown of a preview. It says nothing of its owner, and
// of what a build has printed only what the link shows. Every key is always there; nil
// is null.
type view struct {
	State      state      `json:"state"`
	Title      string     `json:"title"`
	Text       string     `json:"text"`
	Version    string     `json:"version"` // "" until it is READY
	Stage      job.Status `json:"stage"`
	PreviewURL *string    `json:"preview_url"` // where it is awake
	AwakeUntil *string    `json:"awake_until"` // RFC 3339, UTC
	Log        []string   `json:"log"`         // its last lines, while it is built and where that failed; nil: not for this link

	Button string `json:"-"` // what wakes it; "": nothing would
}

// describe is what a visitor is shown of j.
func describe(j job.Job, now time.Time) view {
	v := view{Stage: j.Status}
	switch {
	case j.Status == job.Failed:
		v.State, v.Title, v.Text = stateFailed, "This version could not be built", "Ask who shared it for another one."
		return v
	case j.Status != job.Ready:
		v.State, v.Title, v.Text = stateBuilding, "This preview is being built", j.Status.Label()
		return v
	}
	v.Version = strings.TrimPrefix(j.BuildVersion, "build_v0_")
	name := "Version " + v.Version
	switch {
	case j.SandboxState == job.SandboxMoved:
		v.State, v.Title = stateMoved, "A newer version takes its place"
		v.Text = name + " is being changed, or was. This page goes on by itself if it can; if it stays as it is, ask who shared it for a newer link."
	case j.SandboxState == job.SandboxGone || j.SandboxState == job.SandboxNone:
		v.State, v.Title, v.Text = stateGone, "This preview is no longer kept", name+" would have to be built again. Ask who shared it."
	case wake.Awake(j, now):
		until := j.PauseDueAt.UTC().Format(time.RFC3339)
		v.State, v.Title, v.PreviewURL, v.AwakeUntil = stateAwake, name, &j.PreviewURL, &until
	case j.SandboxState == job.SandboxResuming && j.PauseDueAt.After(now):
		v.State, v.Title, v.Text, v.Button = stateWaking, "This preview is waking up", name+" is there in a few seconds.", "Open preview"
	default:
		v.State, v.Title, v.Text, v.Button = stateAsleep, "This preview is asleep", name+built(j)+" wakes in a few seconds.", "Open preview"
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

// again is when a page should ask again.
func (v view) again() time.Duration {
	switch v.State {
	case stateBuilding, stateWaking, stateMoved:
		return 2 * time.Second
	case stateAwake, stateAsleep:
		return 10 * time.Second
	default:
		return 30 * time.Second
	}
}

// tag changes with whatever a page is told.
func (v view) tag() string {
	text, _ := json.Marshal(v) // texts only: it cannot fail
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}
