package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// command runs a command of the job to its end, over as many turns as it takes.
// An empty command is done.
func (t *turn) command(ctx context.Context, name, command, doing string) error {
	if command == "" {
		return nil
	}
	p, err := t.finish(ctx, name, command, doing, doing+": "+firstLine(command))
	switch {
	case err != nil:
		return err
	case p.Phase == envd.StepExited && p.ExitCode == 0:
		t.leftOut(ctx, p.Size-p.Next)
		return nil
	default:
		return t.exited(ctx, name, doing+" failed", p)
	}
}

// finish runs a command to its end, whatever that is.
func (t *turn) finish(ctx context.Context, name, command, doing, saying string) (envd.Progress, error) {
	p, err := envd.Progress{Phase: envd.StepNone}, error(nil)
	if !ownStep(name) || t.begun == name { // else a start is a look as well: there is nothing to say before it
		p, err = t.watch(ctx, name)
	}
	for {
		switch {
		case err != nil:
			return p, err
		case p.Phase == envd.StepNone && t.begun == name, p.Phase == envd.StepLost:
			return p, t.untraced(ctx, doing)
		case p.Phase == envd.StepNone:
			p, err = t.start(ctx, name, command, saying, max(min(startPatience, jobPoll-t.total()), 0))
		case p.Phase != envd.StepRunning:
			return p, nil
		case !t.linger(ctx):
			return p, t.again(ctx, name)
		default:
			p, err = t.watch(ctx, name)
		}
	}
}

// start starts a command detached, once in a turn, waits a moment for its end, and
// looks at it. A second start of the same step, by a turn that came after a crash, only
// looks.
func (t *turn) start(ctx context.Context, name, command, saying string, patience time.Duration) (envd.Progress, error) {
	if !ownStep(name) {
		t.say(ctx, saying)
	}
	step := envd.Step{Dir: t.dir(name), Command: command, Cwd: job.Workspace, Env: t.environment(name)}
	offset, limit := t.unread(name)
	t.compared, t.begun, t.doubt = nil, name, nil
	before, asked := t.polled, time.Now()
	starting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	p, first, err := t.envd.RunStep(starting, step, patience, offset, limit)
	if errors.Is(err, e2b.ErrNoProcess) {
		return p, t.notStarted(ctx, err)
	}
	if err != nil && !slipped(err) {
		return p, fmt.Errorf("start %s: %w", name, err)
	}
	if first || err != nil {
		t.started, t.before = true, before
	}
	if t.started {
		t.polled += time.Since(asked)
	}
	if err != nil { // it was started, or may have been
		t.doubt = err
		t.log.WarnContext(ctx, "start has no answer", "step", name, "error", err)
		return t.watch(ctx, name)
	}
	if first && ownStep(name) {
		t.say(ctx, saying)
	}
	return t.show(ctx, name, p), nil
}

// untraced says what becomes of a command that was started and has left no trace.
func (t *turn) untraced(ctx context.Context, doing string) error {
	if t.doubt != nil {
		return t.notStarted(ctx, t.doubt)
	}
	return failed(nil, "%s failed: the folder of Siesta's own files, /home/user/.siesta, was removed.", doing)
}

// notStarted puts off a start, or a long look, that came to nothing.
func (t *turn) notStarted(ctx context.Context, err error) error {
	t.polled += lookTime
	return t.putOff(ctx, err, startAgain)
}

// environment is what a command finds: the goal is for the generator alone, and
// our own commands have none.
func (t *turn) environment(name string) map[string]string {
	if ownStep(name) {
		return nil
	}
	env := t.progress.Plan.Environment(t.env, t.e2b.Domain())
	if name == "generate" {
		env["GOAL"] = t.j.Goal
	}
	return env
}

// exited is the failure of a command that ended, with what would have helped and
// its last words.
func (t *turn) exited(ctx context.Context, name, what string, p envd.Progress) error {
	t.leftOut(ctx, p.Size-p.Next)
	how := fmt.Sprintf(" with exit code %d.", p.ExitCode)
	if p.Phase == envd.StepDied {
		how = ": it was killed before it ended."
	}
	output := t.lastOutput(ctx, name)
	hint := t.lacked(ctx, name, p, output)
	if hint == "" {
		hint = t.unnamed(ctx, name)
	}
	return failed(nil, "%s%s%s%s", what, how, sentence(hint), t.lastLines(output))
}

// dir is where a step keeps its output, pid and exit code.
func (t *turn) dir(name string) string {
	if name == "start" && t.progress.Plan.ServedBy != "" {
		return t.progress.Plan.ServedBy
	}
	return envd.StepDir(t.j.ID, t.j.CreateNo, name)
}

func firstLine(s string) string {
	line, _, more := strings.Cut(s, "\n")
	if more {
		line += " ..."
	}
	return line
}
