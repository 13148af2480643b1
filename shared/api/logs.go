package api

import (
	"net/http"

	"siesta/shared/job"
)

// logsResponse is the body of GET /api/generation/{job_id}/logs. Every key is
// always there; nil is null.
type logsResponse struct {
	Lines    []job.LogLine `json:"lines"`
	HasMore  bool          `json:"has_more"`
	Next     *string       `json:"next"`     // for after
	Previous *string       `json:"previous"` // for before
}

// Logs is the answer about a part of j's log, with a Retry-After as long as more
// lines are to be expected after those that are there.
func Logs(j job.Job, p job.LogPage) Answer {
	body := logsResponse{Lines: p.Lines, HasMore: p.More, Next: Text(p.Next), Previous: Text(p.Previous)}
	if body.Lines == nil {
		body.Lines = []job.LogLine{}
	}
	a := Answer{Status: http.StatusOK, Body: body}
	if !p.More {
		a.RetryAfter = retryAfter(j.Status)
	}
	return a
}
