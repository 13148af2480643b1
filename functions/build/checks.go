package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/metrics"
)

const (
	// answerWithin is how long a server may take until its preview answers.
	answerWithin = 3 * time.Minute
	// failsWithin is how long it may answer that it is broken, or turn visitors
	// away, as some do while they come up.
	failsWithin = 30 * time.Second
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
	app, err := t.answers(ctx)
	if err != nil {
		return err
	}
	if app.port != t.j.Plan.Port {
		t.say(ctx, fmt.Sprintf("The app's page is on port %d.", app.port))
		t.progress.Plan.Preview = app.port
	}
	if app.path != "" {
		t.say(ctx, fmt.Sprintf("The app's page is at %s.", app.path))
	}
	t.keepLog(ctx)
	url := t.e2b.PreviewURL(t.j.SandboxID, app.port) + app.path
	j, err := t.store.Ready(ctx, t.j, t.sum(), url, t.PauseAfter) // published beside the message that puts it to sleep
	if err == nil {
		metrics.Ended(ctx, metrics.JobsReady)
		metrics.Took(ctx, metrics.TimeToReady, j.CompletedAt.Sub(j.EnqueuedAt))
	}
	return t.enter(ctx, "serve", j, err)
}

// serve leaves the server started, after a check that found nothing wrong. What
// an earlier turn started is not checked again.
func (t *turn) serve(ctx context.Context) error {
	var server envd.Progress
	err := t.look(ctx, func(ctx context.Context) (err error) {
		server, err = t.envd.ReadStep(ctx, t.dir("start"), 0, 0)
		return err
	})
	if err != nil {
		return err
	}
	if server.Phase != envd.StepNone {
		return nil
	}
	if err := t.command(ctx, "check", t.j.Plan.Check, "Running checks"); err != nil {
		return err
	}
	kept, printed := "", int64(0)
	if t.j.Took() {
		if kept, printed, err = t.keepsServer(ctx); err != nil {
			return err
		}
	}
	j, err := t.store.BeginCommand(ctx, t.j)
	if err := t.enter(ctx, "check", j, err); err != nil {
		return err
	}
	if kept != "" {
		t.say(ctx, "The server runs on")
		t.progress.Plan.ServedBy, t.progress.LogOffset = kept, printed
		return nil
	}
	if t.j.Plan.Start == "" {
		_, err = t.start(ctx, "start", noStart, "Waiting for the app to answer", 0)
		return err
	}
	_, err = t.start(ctx, "start", t.j.Plan.Server(), "Starting the server: "+firstLine(t.j.Plan.Start), 0)
	return err
}

// answers waits for the app, watching its server, and returns what shows it. A
// start command that ended well has left its server behind, so only the app can
// tell; one that failed counts, whoever answers in its place.
func (t *turn) answers(ctx context.Context) (seen, error) {
	for {
		app := t.based(ctx, t.at(ctx, t.j.Plan.Port, ""))
		server, err := t.server(ctx)
		if err == nil && server.Phase == envd.StepExited && server.ExitCode != 0 {
			return app, t.exited(ctx, "start", "The server stopped", server)
		}
		app, found := t.shown(ctx, app)
		if found {
			if app.port != t.j.Plan.Port {
				app = t.based(ctx, app)
			}
			if app.Preview = t.work(ctx, app.Preview); app.Ready() {
				return app, nil
			}
		}
		switch {
		case err != nil:
			return app, err
		case server.Phase == envd.StepNone, server.Phase == envd.StepLost:
			return app, t.untraced(ctx, "Starting the server")
		case server.Phase == envd.StepDied:
			return app, t.exited(ctx, "start", "The server stopped", server)
		}
		late := t.elapsed() > answerWithin || app.Answered() && !app.Ready() && t.elapsed() > failsWithin
		// A turn that took over a dead one may be the first to look.
		t.started = t.started || late
		if t.linger(ctx) {
			continue
		}
		t.unanswered(ctx, app.Preview)
		switch {
		case t.encrypted(ctx, app):
			return app, failed(nil, "The server on port %d speaks TLS (https), and E2B's edge reaches it by plain HTTP: it adds TLS itself. "+
				"Serve plain HTTP: leave @vitejs/plugin-basic-ssl, an https setting, or an option such as --https out.", app.port)
		case late:
			return app, t.silent(ctx, app, server)
		case server.Phase == envd.StepExited && !app.Answered() && t.gone(ctx):
			return app, t.exited(ctx, "start", "The server stopped", server)
		}
		return app, t.again(ctx, "start")
	}
}

// server looks at the start command; one that there is none of runs for ever.
func (t *turn) server(ctx context.Context) (envd.Progress, error) {
	if t.j.Plan.Start == "" {
		return envd.Progress{Phase: envd.StepRunning}, nil
	}
	return t.watch(ctx, "start")
}

// gone reports whether a start command that ended well has left nobody who could
// answer: what Next's is the parent of may have been killed. Whoever is at work
// under another user, such as a container, gets a while.
func (t *turn) gone(ctx context.Context) bool {
	left := t.left(ctx, "start")
	return left.Alone && (left.NoMemory || t.elapsed() > failsWithin)
}

// unanswered logs why the app does not answer yet, once in a turn.
func (t *turn) unanswered(ctx context.Context, p e2b.Preview) {
	t.log.InfoContext(ctx, "preview does not answer", "sandbox_id", t.j.SandboxID, "answer", p.Answer, "detail", p.Detail)
}

// silent is the failure of an app that gave no good answer in time.
func (t *turn) silent(ctx context.Context, app seen, server envd.Progress) error {
	what, within, more := "gave no answer", answerWithin, ""
	switch {
	case app.Script != "":
		what, within = "showed a page that does not work", failsWithin
		more = fmt.Sprintf(" Its script %s %s%s", t.redact.clean(app.Script), answered(app.Preview), t.said(app))
	case app.Answer == e2b.AppFails:
		what, within = answered(app.Preview), failsWithin
		if app.Says != "" {
			more = " It says" + t.said(app)
		}
	case app.Answer == e2b.AppEmpty:
		what, within = "showed a page with nothing in it", failsWithin
	case app.Refusal.Who != "":
		what, within = fmt.Sprintf("refused its preview address, as %s does with %q,", app.Refusal.Who, app.Refusal.Says), failsWithin
		more = " " + app.Refusal.Help
	case app.Answer == e2b.AppRefuses:
		what, within = "refused its preview address: it "+answered(app.Preview), failsWithin
	}
	who := "The app"
	if server.Phase == envd.StepExited {
		who = "The start command ended, and the app"
	}
	message := fmt.Sprintf("%s %s on port %d within %s of its start.", who, what, app.port, within)
	output := t.lastOutput(ctx, "start")
	hint := t.lacked(ctx, "start", server, output)
	if hint == "" && app.Refusal.Who == "" { // who refuses is told of with what helps
		hint = t.unshown(ctx, app.Preview)
	}
	return failed(nil, "%s%s%s%s", message, more, sentence(hint), t.lastLines(output))
}

// answered is the status of an answer, in words.
func answered(p e2b.Preview) string {
	return fmt.Sprintf("answered %d %s", p.Status, http.StatusText(p.Status))
}

// said is what the app says of its failure, as the end of a sentence.
func (t *turn) said(app seen) string {
	words := strings.TrimSpace(t.redact.clean(app.Says))
	if words == "" {
		return "."
	}
	if !strings.ContainsAny(words[len(words)-1:], ".?!") {
		words += "."
	}
	return ": " + words
}
