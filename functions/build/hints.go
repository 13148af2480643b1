package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
)

// What a failure says beside the facts: what the sandbox lacked, where the end or
// the output of the user's command tells, else which field of the request would
// have helped where it left that to us. docs/builds.md has each of them.
const (
	hintNothing  = "Add a package.json with a dev script, an index.html or a Python app at its root, or name commands.start."
	hintInstall  = "If it needs another command or package manager, name that as commands.install."
	hintStart    = "If the app is started by another command, name that as commands.start."
	hintHost     = "A start that lets it answer to any host can be named as commands.start."
	hintPort     = "Something listens on port %s: if that is the app, name it as the request's port."
	hintPorts    = "Something listens on the ports %s: if one is the app, name it as the request's port."
	hintTemplate = "A program that it calls is not in the sandbox: if no package brings it, name a template that does."
	hintMemory   = "The sandbox ran out of memory: name a template that has more."
	hintKilled   = "A command that is killed has most likely run the sandbox out of memory: name a template that has more."
	diskIsFull   = "The sandbox's disk is full."
)

// How a shell tells of a command that it did not find, and of one that was killed.
const (
	exitNotFound = 127
	exitKilled   = 137
)

var (
	fullDisk   = regexp.MustCompile(`(?im)^.*(no space left on device|disk quota exceeded|database or disk is full).*$`)
	noWatchers = regexp.MustCompile(`(?i)watch`) // Linux calls a lack of those the same
	// wasKilled is how shells, package managers and runners of several scripts tell
	// of a command below them; their own exit code is another.
	wasKilled = regexp.MustCompile(`(?m)^(\[[^\]]*\] )?Killed$|\bSIGKILL\b|\b(exited with|exit code|exited with code|status) 137\b`)
	noMemory  = regexp.MustCompile(`(?i)heap out of memory|cannot allocate memory|memory exhausted|\bstd::bad_alloc\b|(?m:^MemoryError\b)|\bENOMEM\b`)
)

// lacked is what a command had too little of, as far as its end, its output and the
// kernel tell; "": nothing. Whoever starts the program that the kernel ends need not
// tell of that: Next's command ends well.
func (t *turn) lacked(ctx context.Context, name string, p envd.Progress, output string) string {
	hint := lacked(p, output)
	if hint == "" && t.left(ctx, name).NoMemory {
		return hintMemory
	}
	return hint
}

// left is what a step has left behind; nothing where that cannot be told.
func (t *turn) left(ctx context.Context, name string) envd.Left {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	left, err := t.envd.LeftByStep(ctx, t.dir(name))
	if err != nil {
		t.log.WarnContext(ctx, "look for what is left", "step", name, "error", err)
	}
	return left
}

// lacked is what a command had too little of, as far as its end and its output
// tell; "": nothing.
func lacked(p envd.Progress, output string) string {
	for _, line := range fullDisk.FindAllString(output, -1) {
		if !noWatchers.MatchString(line) {
			return diskIsFull
		}
	}
	exited := p.Phase == envd.StepExited
	switch {
	case noMemory.MatchString(output):
		return hintMemory
	case exited && p.ExitCode == exitKilled, p.Phase == envd.StepDied, exited && p.ExitCode != 0 && wasKilled.MatchString(output):
		return hintKilled
	case exited && p.ExitCode == exitNotFound:
		return hintTemplate
	}
	return ""
}

// unnamed is the hint for a step that failed by a command of ours; "" for one that
// the request named.
func (t *turn) unnamed(ctx context.Context, name string) string {
	request, err := t.store.Request(ctx, t.j.ID)
	switch {
	case err != nil:
		t.log.WarnContext(ctx, "read request", "error", err)
	case name == "install" && request.Commands.Install == nil:
		return hintInstall
	case name == "start" && request.Commands.Start == nil:
		return hintStart
	}
	return ""
}

// unshown is the hint for an app that gave no good answer.
func (t *turn) unshown(ctx context.Context, probe e2b.Preview) string {
	ports := strings.Trim(fmt.Sprint(t.others(ctx)), "[]")
	switch {
	case probe.Answer == e2b.AppRefuses:
		return hintHost
	case strings.Contains(ports, " "):
		return fmt.Sprintf(hintPorts, strings.ReplaceAll(ports, " ", ", "))
	case ports != "":
		return fmt.Sprintf(hintPort, ports)
	case probe.Answer == e2b.AppFails, probe.Answer == e2b.AppEmpty:
		return "" // it runs, and listens where it should
	}
	return t.unnamed(ctx, "start")
}

// sentence is what a message goes on with.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}
