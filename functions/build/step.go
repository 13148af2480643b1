package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

const (
	minWait = 2 * time.Second
	maxWait = 60 * time.Second
	// turnPoll and jobPoll bound the time that is billed for waiting: by the
	// turn that started a command, and over all turns of a job.
	turnPoll = 3 * time.Second
	jobPoll  = 8 * time.Second
	// pollEvery is the time between two looks at a command.
	pollEvery = 150 * time.Millisecond
	// answerWithin is how long a server may take until its preview answers.
	answerWithin = 3 * time.Minute
	// noStart stands in for an empty start command: without the step's folder
	// each turn would begin it, and its clock, anew.
	noStart = "true"
)

// step does what the job's status asks for. It returns 0 when the status is
// done, else how long to wait before looking again.
func (t *turn) step(ctx context.Context) (time.Duration, error) {
	switch t.j.Status {
	case job.Scaffold:
		return t.scaffold(ctx)
	case job.Code:
		return t.code(ctx)
	case job.Deps:
		return t.deps(ctx)
	case job.Checks:
		return t.checks(ctx)
	default:
		return 0, fmt.Errorf("step of status %s: %w", t.j.Status, job.ErrConflict)
	}
}

func (t *turn) next(ctx context.Context, status job.Status) error {
	return t.take(t.store.Advance(ctx, t.j, t.progress, status))
}

// code runs the request's own generator, if it has one.
func (t *turn) code(ctx context.Context) (time.Duration, error) {
	request, err := t.store.Request(ctx, t.j.ID)
	if err != nil {
		return 0, fmt.Errorf("read request: %w", err)
	}
	if request.Commands.Generate != nil {
		if request.Port != nil {
			t.progress.Plan.Port = *request.Port // for the generator's environment
		}
		wait, err := t.command(ctx, "generate", *request.Commands.Generate, "Generating the code")
		if wait > 0 || err != nil {
			return wait, err
		}
	}
	if t.progress.Plan, err = t.plan(ctx, request); err != nil {
		return 0, err
	}
	return 0, t.next(ctx, job.Deps)
}

func (t *turn) deps(ctx context.Context) (time.Duration, error) {
	if wait, err := t.command(ctx, "install", t.j.Plan.Install, "Installing dependencies"); wait > 0 || err != nil {
		return wait, err
	}
	return 0, t.next(ctx, job.Checks)
}

// checks runs the request's check, starts the server, and probes the preview
// from outside until the app answers.
func (t *turn) checks(ctx context.Context) (time.Duration, error) {
	started, err := t.envd.ReadStep(ctx, t.dir("start"), 0, 0)
	if err != nil {
		return 0, fmt.Errorf("look for server: %w", err)
	}
	if started.Phase == envd.StepNone {
		if wait, err := t.command(ctx, "check", t.j.Plan.Check, "Running checks"); wait > 0 || err != nil {
			return wait, err
		}
		if err := t.take(t.store.BeginCommand(ctx, t.j)); err != nil {
			return 0, err
		}
		command, saying := t.j.Plan.Start, "Starting the server: "+firstLine(t.j.Plan.Start)
		if command == "" {
			command, saying = noStart, "Waiting for the app to answer"
		}
		if err := t.start(ctx, "start", command, saying); err != nil {
			return 0, err
		}
	}
	url := t.e2b.PreviewURL(t.j.SandboxID, t.j.Plan.Port)
	if wait, err := t.answers(ctx, url); wait > 0 || err != nil {
		return wait, err
	}
	return 0, t.take(t.store.Ready(ctx, t.j, t.sum(), url, t.PauseAfter)) // published beside the message that puts it to sleep
}

// answers waits for the app behind url, watching its server.
func (t *turn) answers(ctx context.Context, url string) (time.Duration, error) {
	for {
		if t.j.Plan.Start != "" {
			p, err := t.watch(ctx, "start")
			if err != nil {
				return 0, err
			}
			if p.Phase != envd.StepRunning {
				return 0, t.exited(ctx, "start", "The server stopped", p)
			}
		}
		probe := t.e2b.Probe(ctx, url)
		if probe.Ready() {
			return 0, nil
		}
		if t.elapsed() > answerWithin {
			// A turn that took over a dead one may be the first to look.
			t.started = true
			if t.linger(ctx) {
				continue
			}
			t.unanswered(ctx, probe)
			return 0, t.silent(ctx, probe)
		}
		if !t.linger(ctx) {
			t.unanswered(ctx, probe)
			return t.wait(), nil
		}
	}
}

// unanswered logs why the app does not answer yet, once in a turn.
func (t *turn) unanswered(ctx context.Context, p e2b.Preview) {
	t.log.InfoContext(ctx, "preview does not answer", "sandbox_id", t.j.SandboxID, "answer", p.Answer, "detail", p.Detail)
}

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

// command runs a command to its end, over as many turns as it takes. An empty
// command is done.
func (t *turn) command(ctx context.Context, name, command, doing string) (time.Duration, error) {
	if command == "" {
		return 0, nil
	}
	for {
		p, err := t.watch(ctx, name)
		switch {
		case err != nil:
			return 0, err
		case p.Phase == envd.StepNone:
			if err := t.start(ctx, name, command, doing+": "+firstLine(command)); err != nil {
				return 0, err
			}
		case p.Phase == envd.StepExited && p.ExitCode == 0:
			return 0, nil
		case p.Phase != envd.StepRunning:
			return 0, t.exited(ctx, name, doing+" failed", p)
		case !t.linger(ctx):
			return t.wait(), nil
		}
	}
}

// start starts a command detached. A second start of the same step, by a turn
// that came after a crash, does nothing.
func (t *turn) start(ctx context.Context, name, command, saying string) error {
	t.say(ctx, saying)
	step := envd.Step{Dir: t.dir(name), Command: command, Cwd: job.Workspace, Env: t.environment(name)}
	if err := t.envd.StartStep(ctx, step); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	t.started = true
	return nil
}

// environment is what a command finds: the goal is for the generator alone.
func (t *turn) environment(name string) map[string]string {
	env := t.progress.Plan.Environment(t.env, t.e2b.Domain())
	if name == "generate" {
		env["GOAL"] = t.j.Goal
	}
	return env
}

// exited is the failure of a command that ended, with its last words.
func (t *turn) exited(ctx context.Context, name, what string, p envd.Progress) error {
	how := fmt.Sprintf(" with exit code %d.", p.ExitCode)
	if p.Phase == envd.StepDied {
		how = ": it was killed before it ended."
	}
	return failed(nil, "%s%s%s", what, how, t.lastLines(ctx, name))
}

// dir is where a step keeps its output, pid and exit code.
func (t *turn) dir(name string) string { return envd.StepDir(t.j.ID, t.j.CreateNo, name) }

// linger waits a moment and reports whether the turn may look once more.
func (t *turn) linger(ctx context.Context) bool {
	total := time.Duration(t.progress.PolledMS)*time.Millisecond + t.polled
	if !t.started || t.polled >= turnPoll || total >= jobPoll {
		return false
	}
	select {
	case <-time.After(pollEvery):
		t.polled += pollEvery
		return true
	case <-ctx.Done():
		return false
	}
}

// elapsed is how long the job has been at its present command.
func (t *turn) elapsed() time.Duration {
	return t.j.ReadAt.Sub(t.j.StepStartedAt) + t.polled
}

// wait is a tenth of the time that the step has taken.
func (t *turn) wait() time.Duration { return min(max(t.elapsed()/10, minWait), maxWait) }

func firstLine(s string) string {
	line, _, more := strings.Cut(s, "\n")
	if more {
		line += " ..."
	}
	return line
}
