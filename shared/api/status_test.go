package api

import (
	"encoding/json"
	"testing"
	"time"

	"siesta/shared/job"
)

func statusBody(t *testing.T, j job.Job) map[string]any {
	t.Helper()
	data, err := json.Marshal(Status(j).Body)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(data, &body); err != nil {
		t.Fatal(err)
	}
	return body
}

var ready = job.Job{
	ID: "0b5ef2a4-8c11-4c7d-9c4e-0a1b2c3d4e5f", Status: job.Ready, BuildVersion: "build_v0_1",
	PreviewURL: "https://3000-x.e2b.app", SandboxState: job.SandboxRunning, Revision: 7,
	SandboxExpiresAt: time.Date(2026, 3, 1, 12, 0, 0, 9000, time.FixedZone("", 3600)),
}

func TestStatusShowsThePreviewFromReadyOn(t *testing.T) {
	body := statusBody(t, ready)
	for key, want := range map[string]any{
		"preview_url": "https://3000-x.e2b.app", "build_version": "build_v0_1",
		"sandbox_expires_at": "2026-03-01T11:00:00Z", "stage_label": "Build complete!", "error_message": nil,
	} {
		if body[key] != want {
			t.Errorf("%s = %v, want %v", key, body[key], want)
		}
	}
	for _, s := range job.Statuses() {
		early := ready
		early.Status = s
		body := statusBody(t, early)
		if got := body["preview_url"] != nil && body["build_version"] != nil; got != (s == job.Ready) {
			t.Errorf("%s: preview %v, build_version %v", s, body["preview_url"], body["build_version"])
		}
	}
}

func TestStatusShowsAnExpiryOnlyWhileRunning(t *testing.T) {
	for _, s := range job.SandboxStates() {
		j := ready
		j.SandboxState = s
		if got := statusBody(t, j)["sandbox_expires_at"] != nil; got != (s == job.SandboxRunning) {
			t.Errorf("%s: shown = %v", s, got)
		}
	}
	unknown := ready
	unknown.SandboxExpiresAt = time.Time{}
	if got := statusBody(t, unknown)["sandbox_expires_at"]; got != nil {
		t.Errorf("unknown: shown as %v", got)
	}
}

func TestStatusAsksToComeBackUntilTerminal(t *testing.T) {
	for _, s := range job.Statuses() {
		if got := Status(job.Job{Status: s}).RetryAfter > 0; got == s.Terminal() {
			t.Errorf("%s: Retry-After = %v", s, got)
		}
	}
}
