package page

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"siesta/shared/api"
	"siesta/shared/job"
)

// Failed is the page about an error, which it logs as api.Handle does. One that may pass
// leaves the visitor the button.
func (p Pages) Failed(ctx context.Context, log *slog.Logger, r api.Request, err error) api.Answer {
	told, debugID := api.Explain(ctx, log, r, err)
	v := View{State: Error, Title: "That did not work", Text: told.Message + "."}
	switch {
	case errors.Is(err, job.ErrNoLink):
		v.Title, v.Text = "There is no such page", "The address may have been cut short. Ask who sent it for the whole of it."
	case errors.Is(err, job.ErrLinkEnded):
		v.Title, v.Text = "This link is no longer available", "Ask who shared it for a new one."
	case errors.Is(err, job.ErrInvalid): // its words are for who writes calls
		v.Text, v.Button = "The page sent something that is not its own.", "Open preview"
	case told.Status >= http.StatusInternalServerError:
		v.Text += " If it happens again, say this number: " + debugID
		fallthrough
	case told.Status == http.StatusTooManyRequests:
		v.Button = "Try again"
	}
	answer := p.Show(r, told.Status, v)
	answer.RetryAfter = told.RetryAfter
	return answer
}
