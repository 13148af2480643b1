package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/links"
	"siesta/shared/page"
)

type handler struct {
	log   *slog.Logger
	links links.Opener
	pages page.Pages
}

// serve answers GET /p/{token} and GET /p/{token}/state.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	if r.RouteKey == "GET /p/{token}/state" {
		return h.state(ctx, r)
	}
	v, err := h.look(ctx, r)
	if err != nil { // what a browser shows is a page, also where it is about an error
		return h.pages.Failed(ctx, h.log, r, err), nil
	}
	return h.pages.Show(r, http.StatusOK, v), nil
}

// state is 304 where the page knows it all.
func (h handler) state(ctx context.Context, r api.Request) (api.Answer, error) {
	v, err := h.look(ctx, r)
	if err != nil {
		return api.Answer{}, err
	}
	answer := api.Answer{Status: http.StatusOK, Body: v, RetryAfter: v.Again(), Header: map[string]string{"Etag": v.Tag()}}
	if r.Headers["if-none-match"] == v.Tag() {
		answer.Status, answer.Body = http.StatusNotModified, nil
	}
	return answer, nil
}

// look is what a visitor is shown of what the request's link leads to.
func (h handler) look(ctx context.Context, r api.Request) (page.View, error) {
	t, err := h.links.Open(ctx, r.PathParameters["token"])
	if err != nil {
		return page.View{}, err
	}
	v := page.Describe(t.Job, time.Now())
	if t.Link.Logs && (v.State == page.Building || v.State == page.Failed) {
		v.Log = h.lastLines(ctx, t.Job)
	}
	return v, nil
}

// What the page shows of a log that goes on.
const (
	shownLines = 10
	shownBytes = 300 // of one line
)

// lastLines are those of a job's log, as the cache has it: none where it does not answer.
func (h handler) lastLines(ctx context.Context, j job.Job) []string {
	texts := []string{}
	lines, _, err := h.links.Cache.ReadLogs(ctx, j.ID, job.LogRange{From: "-", To: "+", Limit: shownLines, Newest: true})
	if err != nil {
		h.log.WarnContext(ctx, "log not read", "job_id", j.ID, "error", err)
		return texts
	}
	h.links.Cache.Watch(ctx, j)
	for _, line := range lines {
		if len(line.Text) > shownBytes {
			line.Text = strings.ToValidUTF8(line.Text[:shownBytes], "") + "..."
		}
		texts = append(texts, line.Text)
	}
	return texts
}
