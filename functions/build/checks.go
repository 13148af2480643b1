package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
)

const (
	// answerWithin is how long a server may take until its preview answers.
	answerWithin = 3 * time.Minute
	// noStart stands in for an empty start command: without the step's folder
	// each turn would begin it, and its clock, anew.
	noStart = "true"
)

// checks runs the request's check, starts the server, and probes the preview
// from outside until the app answers.
func (t *turn) checks(ctx context.Context) error {
	if err := t.serve(ctx); err != nil {
		return err
	}
	url := t.e2b.PreviewURL(t.j.SandboxID, t.j.Plan.Port)
	if err := t.answers(ctx, url); err != nil {
		return err
	}
	return t.take(t.store.Ready(ctx, t.j, t.sum(), url, t.PauseAfter)) // published beside the message that puts it to sleep
}

// serve leaves the server started, after a check that found nothing wrong. What
// an earlier turn started is not checked again.
func (t *turn) serve(ctx context.Context) error {
	server, err := t.envd.ReadStep(ctx, t.dir("start"), 0, 0)
	if err != nil {
		return fmt.Errorf("look for server: %w", err)
	}
	if server.Phase != envd.StepNone {
		return nil
	}
	if err := t.command(ctx, "check", t.j.Plan.Check, "Running checks"); err != nil {
		return err
	}
	if err := t.take(t.store.BeginCommand(ctx, t.j)); err != nil {
		return err
	}
	if t.j.Plan.Start == "" {
		return t.start(ctx, "start", noStart, "Waiting for the app to answer")
	}
	return t.start(ctx, "start", t.j.Plan.Server(), "Starting the server: "+firstLine(t.j.Plan.Start))
}

// answers waits for the app behind url, watching its server.
func (t *turn) answers(ctx context.Context, url string) error {
	for {
		if t.j.Plan.Start != "" {
			p, err := t.watch(ctx, "start")
			if err != nil {
				return err
			}
			if p.Phase != envd.StepRunning {
				return t.exited(ctx, "start", "The server stopped", p)
			}
		}
		probe := t.e2b.Probe(ctx, url)
		if probe.Ready() {
			return nil
		}
		if t.elapsed() > answerWithin {
			// A turn that took over a dead one may be the first to look.
			t.started = true
			if t.linger(ctx) {
				continue
			}
			t.unanswered(ctx, probe)
			return t.silent(ctx, probe)
		}
		if !t.linger(ctx) {
			t.unanswered(ctx, probe)
			return waitFor(t.wait())
		}
	}
}

// unanswered logs why the app does not answer yet, once in a turn.
func (t *turn) unanswered(ctx context.Context, p e2b.Preview) {
	t.log.InfoContext(ctx, "preview does not answer", "sandbox_id", t.j.SandboxID, "answer", p.Answer, "detail", p.Detail)
}

// silent is the failure of an app that gave no good answer in time.
func (t *turn) silent(ctx context.Context, probe e2b.Preview) error {
	what := "gave no answer"
	switch probe.Answer {
	case e2b.AppFails:
		what = fmt.Sprintf("answered %d %s", probe.Status, http.StatusText(probe.Status))
	case e2b.AppRefuses:
		what = "refused its preview address"
	}
	message := fmt.Sprintf("The app %s on port %d within %s of its start.", what, t.j.Plan.Port, answerWithin)
	return failed(nil, "%s%s", message, t.lastLines(ctx, "start"))
}
