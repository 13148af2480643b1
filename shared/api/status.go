package api

import (
	"net/http"
	"time"

	"siesta/shared/job"
)

// How long a caller should wait before asking again.
const (
	pollEvery          = 2 * time.Second
	pollScheduledEvery = time.Minute
)

// statusResponse is the body of GET /api/generation/{job_id}/status. Every key
// is always there; nil is null.
type statusResponse struct {
	JobID            string           `json:"job_id"`
	Status           job.Status       `json:"status"`
	StageLabel       string           `json:"stage_label"`
	Framework        *string          `json:"framework"`
	Port             *int             `json:"port"`
	PreviewURL       *string          `json:"preview_url"`
	BuildVersion     *string          `json:"build_version"`
	ErrorMessage     *string          `json:"error_message"`
	DebugID          *string          `json:"debug_id"`
	SandboxExpiresAt *string          `json:"sandbox_expires_at"` // RFC 3339, UTC
	AwakeUntil       *string          `json:"awake_until"`        // RFC 3339, UTC
	BaseJobID        *string          `json:"base_job_id"`
	MovedTo          *string          `json:"moved_to"`
	CurrentAt        *string          `json:"current_at"` // RFC 3339, UTC
	GoneAt           *string          `json:"gone_at"`    // RFC 3339, UTC
	SandboxPaused    bool             `json:"sandbox_paused"`
	SandboxState     job.SandboxState `json:"sandbox_state"`
	Revision         int64            `json:"revision"`
}

// Status is the answer about j: what it starts from, when it became the version that
// counts, where its preview has moved, what its app is and where that listens once it is
// known, the preview from READY on, the sandbox's expiry only while it runs, when it
// is due to sleep only while it is awake or being woken, and a Retry-After as long
// as there is something to wait for.
func Status(j job.Job) Answer {
	body := statusResponse{
		JobID:         j.ID,
		Status:        j.Status,
		StageLabel:    j.Status.Label(),
		Framework:     Text(j.Plan.Framework),
		Port:          number(j.Plan.Shown()),
		ErrorMessage:  Text(j.ErrorMessage),
		DebugID:       Text(j.DebugID),
		BaseJobID:     Text(j.BaseJobID),
		MovedTo:       Text(j.MovedTo),
		CurrentAt:     Moment(j.CurrentAt),
		GoneAt:        Moment(j.GoneAt),
		SandboxPaused: j.SandboxPaused,
		SandboxState:  j.SandboxState,
		Revision:      j.Revision,
	}
	if j.Status == job.Ready {
		body.PreviewURL = Text(j.PreviewURL)
		body.BuildVersion = Text(j.BuildVersion)
		if j.SandboxState == job.SandboxRunning {
			body.SandboxExpiresAt = Moment(j.SandboxExpiresAt)
		}
	}
	body.AwakeUntil = Moment(j.AwakeUntil())
	return Answer{Status: http.StatusOK, Body: body, RetryAfter: retryAfter(j.Status)}
}

func retryAfter(s job.Status) time.Duration {
	switch {
	case s.Terminal():
		return 0
	case s == job.Scheduled:
		return pollScheduledEvery
	default:
		return pollEvery
	}
}

// Text is s, or null where there is none.
func Text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Moment is t as answers have it, or null where there is none.
func Moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return Text(t.UTC().Format(time.RFC3339))
}

// number is n, or null where there is none.
func number(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
