package main

import (
	"context"
	"strings"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logs"
)

// What the page shows of a log that goes on.
const (
	shownLines = 10
	shownBytes = 300 // of one line
)

// readLog answers GET /p/{token}/logs as the API answers the log's owner. A link that
// does not show the log has no such page.
func (h handler) readLog(ctx context.Context, r api.Request) (api.Answer, error) {
	t, err := h.open(ctx, r.PathParameters["token"])
	if err != nil {
		return api.Answer{}, err
	}
	if !t.link.Logs {
		return api.Answer{}, job.ErrNoLink
	}
	asked := r.QueryStringParameters
	q, err := logs.ParseQuery(asked["after"], asked["before"], asked["limit"])
	if err != nil {
		return api.Answer{}, err
	}
	page, err := h.logs.Page(ctx, t.job, q)
	if err != nil {
		return api.Answer{}, err
	}
	return api.Logs(t.job, page), nil
}

// lastLines are those of a job's log, as the cache has it: none where it does not answer.
func (h handler) lastLines(ctx context.Context, j job.Job) []string {
	texts := []string{}
	lines, _, err := h.logs.Live.ReadLogs(ctx, j.ID, job.LogRange{From: "-", To: "+", Limit: shownLines, Newest: true})
	if err != nil {
		h.log.WarnContext(ctx, "log not read", "job_id", j.ID, "error", err)
	}
	for _, line := range lines {
		if len(line.Text) > shownBytes {
			line.Text = strings.ToValidUTF8(line.Text[:shownBytes], "") + "..."
		}
		texts = append(texts, line.Text)
	}
	return texts
}
