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
	// failsWithin is how long it may answer that it is broken, as some do while
	// they come up.
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
	port, err := t.answers(ctx)
	if err != nil {
		return err
	}
	if port != t.j.Plan.Port {
		t.say(ctx, fmt.Sprintf("The app's page is on port %d.", port))
		t.progress.Plan.Preview = port
	}
	url := t.e2b.PreviewURL(t.j.SandboxID, port)
	return t.take(t.store.Ready(ctx, t.j, t.sum(), url, t.PauseAfter)) // published beside the message that puts it to sleep
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
	if err := t.take(t.store.BeginCommand(ctx, t.j)); err != nil {
		return err
	}
	if t.j.Plan.Start == "" {
		return t.start(ctx, "start", noStart, "Waiting for the app to answer")
	}
	return t.start(ctx, "start", t.j.Plan.Server(), "Starting the server: "+firstLine(t.j.Plan.Start))
}

// answers waits for the app, watching its server, and returns the port that shows
// it. A start command that ended well has left its server behind, so only the app
// can tell; one that failed counts, whoever answers in its place.
func (t *turn) answers(ctx context.Context) (port int, err error) {
	for {
		planned := t.probe(ctx, t.e2b.PreviewURL(t.j.SandboxID, t.j.Plan.Port))
		server, err := t.server(ctx)
		if err == nil && server.Phase == envd.StepExited && server.ExitCode != 0 {
			return 0, t.exited(ctx, "start", "The server stopped", server)
		}
		if port := t.shown(ctx, planned); port != 0 {
			return port, nil
		}
		switch {
		case err != nil:
			return 0, err
		case server.Phase == envd.StepNone, server.Phase == envd.StepLost:
			return 0, t.untraced(ctx, "Starting the server")
		case server.Phase == envd.StepDied:
			return 0, t.exited(ctx, "start", "The server stopped", server)
		}
		fails := planned.Answer == e2b.AppFails && t.elapsed() > failsWithin
		if fails || t.elapsed() > answerWithin {
			// A turn that took over a dead one may be the first to look.
			t.started = true
			if t.linger(ctx) {
				continue
			}
			t.unanswered(ctx, planned)
			return 0, t.silent(ctx, planned, server)
		}
		if !t.linger(ctx) {
			t.unanswered(ctx, planned)
			return 0, waitFor(t.wait())
		}
	}
}

// server looks at the start command; one that there is none of runs for ever.
func (t *turn) server(ctx context.Context) (envd.Progress, error) {
	if t.j.Plan.Start == "" {
		return envd.Progress{Phase: envd.StepRunning}, nil
	}
	return t.watch(ctx, "start")
}

// unanswered logs why the app does not answer yet, once in a turn.
func (t *turn) unanswered(ctx context.Context, p e2b.Preview) {
	t.log.InfoContext(ctx, "preview does not answer", "sandbox_id", t.j.SandboxID, "answer", p.Answer, "detail", p.Detail)
}

// silent is the failure of an app that gave no good answer in time.
func (t *turn) silent(ctx context.Context, probe e2b.Preview, server envd.Progress) error {
	what, within := "gave no answer", answerWithin
	switch probe.Answer {
	case e2b.AppFails:
		what, within = fmt.Sprintf("answered %d %s", probe.Status, http.StatusText(probe.Status)), failsWithin
	case e2b.AppRefuses:
		what = "refused its preview address"
	}
	who := "The app"
	if server.Phase == envd.StepExited {
		who = "The start command ended, and the app"
	}
	message := fmt.Sprintf("%s %s on port %d within %s of its start.", who, what, t.j.Plan.Port, within)
	output := t.lastOutput(ctx, "start")
	hint := lacked(server, output)
	if hint == "" {
		hint = t.unshown(ctx, probe)
	}
	return failed(nil, "%s%s%s", message, sentence(hint), t.lastLines(output))
}
