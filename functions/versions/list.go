package main

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

const (
	defaultLimit = 20
	maxLimit     = 100
)

// version is one entry of the list. Every key is always there; nil is null.
type version struct {
	JobID         string           `json:"job_id"`
	Status        job.Status       `json:"status"`
	StageLabel    string           `json:"stage_label"`
	BuildVersion  string           `json:"build_version"`
	CreatedAt     string           `json:"created_at"`
	CompletedAt   *string          `json:"completed_at"`
	PreviewURL    *string          `json:"preview_url"`
	SandboxState  job.SandboxState `json:"sandbox_state"`
	SandboxPaused bool             `json:"sandbox_paused"`
	Current       bool             `json:"current"`
	BaseJobID     *string          `json:"base_job_id"`
	MovedTo       *string          `json:"moved_to"`
	Rebuildable   bool             `json:"rebuildable"`
	GoneAt        *string          `json:"gone_at"`
}

type listResponse struct {
	Builds []version `json:"builds"`
	Next   *string   `json:"next"` // for before; null: that was all
}

// list answers GET /api/generation?project_id=, the newest version first. A
// project of which nobody knows anything has none.
func (h handler) list(ctx context.Context, r api.Request) (api.Answer, error) {
	user, project, err := ofProject(r)
	if err != nil {
		return api.Answer{}, err
	}
	limit, err := limitOf(r.QueryStringParameters["limit"])
	if err != nil {
		return api.Answer{}, err
	}
	from, err := parseCursor(r.QueryStringParameters["before"])
	if err != nil {
		return api.Answer{}, err
	}
	rows, err := h.store.Versions(ctx, user, project, from, limit+1)
	if err != nil {
		return api.Answer{}, err
	}
	current, err := h.store.Current(ctx, user, project)
	if err != nil && !errors.Is(err, job.ErrNotFound) {
		return api.Answer{}, err
	}
	answer := listResponse{Builds: []version{}}
	if len(rows) > limit {
		rows = rows[:limit]
		next := cursor(rows[limit-1])
		answer.Next = &next
	}
	for _, j := range rows {
		answer.Builds = append(answer.Builds, describe(j, j.ID == current.ID))
	}
	return api.Answer{Status: http.StatusOK, Body: answer}, nil
}

func describe(j job.Job, current bool) version {
	v := version{
		JobID: j.ID, Status: j.Status, StageLabel: j.Status.Label(), BuildVersion: j.BuildVersion, CreatedAt: *api.Moment(j.CreatedAt),
		CompletedAt: api.Moment(j.CompletedAt), SandboxState: j.SandboxState, SandboxPaused: j.SandboxPaused,
		Current: current, Rebuildable: j.Status == job.Ready && j.Kept(), BaseJobID: api.Text(j.BaseJobID), MovedTo: api.Text(j.MovedTo), GoneAt: api.Moment(j.GoneAt),
	}
	if j.Status == job.Ready {
		v.PreviewURL = &j.PreviewURL
	}
	return v
}

// ofProject is who asks, and for which project.
func ofProject(r api.Request) (user, project string, err error) {
	if user, err = api.UserID(r); err != nil {
		return "", "", err
	}
	project = strings.ToLower(r.QueryStringParameters["project_id"])
	if !job.IsID(project) {
		return "", "", &job.InvalidError{Field: "project_id", Reason: "must be a UUID"}
	}
	return user, project, nil
}

func limitOf(text string) (int, error) {
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, &job.InvalidError{Field: "limit", Reason: "must be between 1 and 100"}
	}
	return n, nil
}

// cursor is the place in the list after j: its creation in microseconds, which
// are Postgres' own, and its id.
func cursor(j job.Job) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(j.CreatedAt.UnixMicro(), 36) + "." + j.ID))
}

func parseCursor(text string) (jobs.Page, error) {
	if text == "" {
		return jobs.Page{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	at, id, ok := strings.Cut(string(raw), ".")
	micros, parseErr := strconv.ParseInt(at, 36, 64)
	if err != nil || parseErr != nil || !ok || !job.IsID(id) || micros < 0 || micros > maxMicros {
		return jobs.Page{}, &job.InvalidError{Field: "before", Reason: "must be the next of an earlier answer"}
	}
	return jobs.Page{CreatedAt: time.UnixMicro(micros), ID: id}, nil
}

// maxMicros is the end of the year 9999: what comes later is no time of ours.
const maxMicros = 253402300799999999
