package envd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/job"
)

var stepDir = StepDir("0d9c4a7e-8a52-4c0e-9f67-1c2d3e4f5a6b", 1, "deps")

// start starts a step and sees to its end.
func start(t *testing.T, c *Client, s Step) {
	t.Helper()
	if s.Dir == "" {
		s.Dir = stepDir
	}
	if s.Cwd == "" {
		s.Cwd = job.Workspace
	}
	t.Cleanup(func() {
		if err := c.StopStep(context.Background(), s.Dir); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := c.StartStep(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// finish looks until the step no longer runs.
func finish(t *testing.T, c *Client) Progress {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		p, err := c.ReadStep(t.Context(), stepDir, 0, 64<<10)
		if err != nil {
			t.Fatal(err)
		}
		if p.Phase != StepRunning {
			return p
		}
	}
	t.Fatal("step does not end")
	return Progress{}
}

func TestStepRunsOnce(t *testing.T) {
	d, c := newDaemon(t, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := c.StartStep(t.Context(), Step{Dir: stepDir, Cwd: job.Workspace, Command: "echo ran; exit 3"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	want := Progress{Phase: StepExited, ExitCode: 3, Output: []byte("ran\n"), Next: 4, Size: 4}
	if got := finish(t, c); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	start(t, c, Step{Command: "echo again"})
	if got := finish(t, c); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after another start: got %v, want %v", got, want)
	}
	if len(d.started) == 0 {
		t.Error("nothing was started through envd")
	}
}

func TestStepThatNobodyStarted(t *testing.T) {
	d, c := newDaemon(t, nil)
	look := func(want Phase) {
		t.Helper()
		if p, err := c.ReadStep(t.Context(), stepDir, 0, 100); err != nil || p.Phase != want {
			t.Errorf("got %+v, %v, want %s", p, err, want)
		}
	}
	if err := c.WriteMarker(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	look(StepNone)
	if err := os.RemoveAll(d.path(root)); err != nil {
		t.Fatal(err)
	}
	look(StepLost)
	if err := c.StopStep(t.Context(), stepDir); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestStepEnvironment(t *testing.T) {
	d, c := newDaemon(t, nil)
	start(t, c, Step{Command: `echo "$SECRET"; pwd; cat; tr '\0' ' ' </proc/$PPID/cmdline`, Env: map[string]string{"SECRET": "hidden value"}})
	got := finish(t, c)
	lines := strings.SplitN(string(got.Output), "\n", 3)
	if len(lines) != 3 || lines[0] != "hidden value" || lines[1] != d.path(job.Workspace) {
		t.Errorf("got %q", got.Output)
	}
	if strings.Contains(lines[2], "hidden") {
		t.Errorf("the process list shows it: %q", lines[2])
	}
	for _, config := range d.started {
		if strings.Contains(fmt.Sprint(config.GetArgs()), "hidden") {
			t.Errorf("the arguments show it: %q", config.GetArgs())
		}
	}
}

// TestStepEnvironmentIsTheCommandsAlone: what changes how a shell works must not
// change how ours do.
func TestStepEnvironmentIsTheCommandsAlone(t *testing.T) {
	_, c := newDaemon(t, nil)
	env := map[string]string{
		"PATH": "/nowhere", "LD_PRELOAD": "/nowhere.so", "BASH_ENV": "/nowhere.sh", "IFS": "/", "POSIXLY_CORRECT": "1", "CDPATH": "/",
		"SHELLOPTS": "noexec", "BASHOPTS": "extdebug", "UID": "7", "PPID": "7", "EUID": "7", "BASH_VERSINFO": "7", "TMOUT": "1", "HOME": "/nowhere",
		"dir": "a b", "cwd": "$(exit 1)", "command": "false", "one": "\"1\"", "line": " x ", "GLOBIGNORE": "*", "MINE": "a\nb ",
	}
	start(t, c, Step{Command: "/usr/bin/env -0", Env: env})
	got := finish(t, c)
	if got.Phase != StepExited || got.ExitCode != 0 {
		t.Fatalf("got %+v", got)
	}
	found := map[string]string{}
	for pair := range strings.SplitSeq(string(got.Output), "\x00") {
		name, value, _ := strings.Cut(pair, "=")
		if i := strings.LastIndex(name, "\n"); i >= 0 { // what ld.so has to say about LD_PRELOAD comes first
			name = name[i+1:]
		}
		found[name] = value
	}
	for name, want := range env {
		switch name {
		case "SHELLOPTS", "BASHOPTS", "UID", "PPID", "EUID", "BASH_VERSINFO": // every bash has its own
			want = ""
		case "IFS": // the command's own shell resets it
			want = " \t\n"
		}
		if found[name] != want {
			t.Errorf("%s is %q, want %q", name, found[name], want)
		}
	}
	for name := range found {
		if strings.HasPrefix(name, envPrefix) {
			t.Errorf("%s is there", name)
		}
	}
}

// TestAStepThatCannotBeMade tells what is in its way.
func TestAStepThatCannotBeMade(t *testing.T) {
	for name, in := range map[string]string{"our folder": ".siesta", "the workspace": "project"} {
		t.Run(name, func(t *testing.T) {
			d, c := newDaemon(t, nil)
			d.write(in)
			err := c.StartStep(t.Context(), Step{Dir: stepDir, Cwd: job.Workspace, Command: "true"})
			check(t, name, err, e2b.ErrBlocked)
		})
	}
}

// TestStepStopsWithAllItsProcesses: children that ignore TERM, that have a
// group or a session of their own, or no parent any more.
func TestStepStopsWithAllItsProcesses(t *testing.T) {
	d, c := newDaemon(t, nil)
	start(t, c, Step{Command: `
		sleep 1000 & echo $! >>pids
		(trap '' TERM; while :; do sleep 1000; done) & echo $! >>pids
		setsid sleep 1000 & echo $! >>pids
		(sleep 1000 & echo $! >>pids)
		set -m; sleep 1000 & echo $! >>pids
		echo $$ >>pids; echo up; wait`})
	for p := (Progress{}); !bytes.Contains(p.Output, []byte("up")); {
		var err error
		if p, err = c.ReadStep(t.Context(), stepDir, 0, 100); err != nil || p.Phase != StepRunning {
			t.Fatalf("got %+v, %v", p, err)
		}
	}
	if err := c.StopStep(t.Context(), stepDir); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(d.path(job.Workspace), "pids"))
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(raw))
	if len(pids) != 6 {
		t.Errorf("pids %v", pids)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %s lives on", pid)
		}
	}
	if p := finish(t, c); p.Phase == StepRunning {
		t.Errorf("got %+v", p)
	}
}

// alive: a zombie is not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

// TestStepThatSignalsItsGroup: scripts clean up with kill 0, and their exit
// code still arrives.
func TestStepThatSignalsItsGroup(t *testing.T) {
	_, c := newDaemon(t, nil)
	start(t, c, Step{Command: `sleep 1000 & kill 0; wait`})
	if got := finish(t, c); got.Phase != StepExited || got.ExitCode != 128+int(syscall.SIGTERM) {
		t.Errorf("got %+v", got)
	}
}

// TestStepTakesInterrupts: shells start background commands with interrupts
// ignored, and a program that begins so can never be interrupted.
func TestStepTakesInterrupts(t *testing.T) {
	_, c := newDaemon(t, nil)
	start(t, c, Step{Command: `kill -INT $$; echo survived`})
	if got := finish(t, c); got.ExitCode != 128+int(syscall.SIGINT) {
		t.Errorf("got %+v", got)
	}
}

func TestStepThatDied(t *testing.T) {
	d, c := newDaemon(t, nil)
	start(t, c, Step{Command: "sleep 1000"})
	raw, err := os.ReadFile(filepath.Join(d.path(stepDir), "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Fields(string(raw))[0])
	if err != nil {
		t.Fatal(err)
	}
	if pid == os.Getpid() || syscall.Kill(pid, 0) != nil {
		t.Fatalf("pid file has %q", raw)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if got := finish(t, c); got.Phase != StepDied {
		t.Errorf("got %+v", got)
	}
}

// TestStepAfterReboot: another process has the step's pid. The step died, and
// stopping it harms nobody.
func TestStepAfterReboot(t *testing.T) {
	d, c := newDaemon(t, nil)
	other := StepDir("x", 1, "other")
	start(t, c, Step{Dir: other, Command: "sleep 1000"})
	raw, err := os.ReadFile(filepath.Join(d.path(other), "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.Fields(string(raw))[0]
	if err := write(filepath.Join(d.path(stepDir), "pid"), strings.NewReader(pid+" 12345\n")); err != nil {
		t.Fatal(err)
	}
	if got := finish(t, c); got.Phase != StepDied {
		t.Errorf("got %+v", got)
	}
	if err := c.StopStep(t.Context(), stepDir); err != nil {
		t.Error(err)
	}
	if !alive(pid) {
		t.Error("a process of somebody else was killed")
	}
}

// TestStepWhoseLeaderIsAZombie: killed, and nobody has reaped it yet.
func TestStepWhoseLeaderIsAZombie(t *testing.T) {
	d, c := newDaemon(t, nil)
	child := exec.Command("true")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Wait() }()
	pid := strconv.Itoa(child.Process.Pid)
	for alive(pid) {
		runtime.Gosched()
	}
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	started := strings.Fields(string(after))[19]
	if err := write(filepath.Join(d.path(stepDir), "pid"), strings.NewReader(pid+" "+started+"\n")); err != nil {
		t.Fatal(err)
	}
	if got := finish(t, c); got.Phase != StepDied {
		t.Errorf("got %+v", got)
	}
	if err := c.StopStep(t.Context(), stepDir); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// TestStepWithoutPid: its starter died between making the folder and running
// the command.
func TestStepWithoutPid(t *testing.T) {
	d, c := newDaemon(t, nil)
	dir := d.path(stepDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	look := func() Phase {
		p, err := c.ReadStep(t.Context(), stepDir, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		return p.Phase
	}
	if got := look(); got != StepRunning {
		t.Errorf("at once: %s, want running", got)
	}
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
	if got := look(); got != StepDied {
		t.Errorf("a minute later: %s, want died", got)
	}
}

// TestAStepThatIsRunIsSeenToItsEnd, if that comes soon: by the call that started it, and
// only by that.
func TestAStepThatIsRunIsSeenToItsEnd(t *testing.T) {
	_, c := newDaemon(t, nil)
	run := func(name, command string, patience time.Duration, offset int64) (Progress, bool) {
		t.Helper()
		s := Step{Dir: StepDir("job", 0, name), Cwd: job.Workspace, Command: command}
		t.Cleanup(func() {
			if err := c.StopStep(context.Background(), s.Dir); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
		p, began, err := c.RunStep(t.Context(), s, patience, offset, 5)
		if err != nil {
			t.Fatal(err)
		}
		return p, began
	}
	p, began := run("short", "echo began; sleep 0.2; echo ended; exit 3", 20*time.Second, 0)
	if !began || p.Phase != StepExited || p.ExitCode != 3 || string(p.Output) != "began" || p.Size != 12 {
		t.Errorf("got %+v, began %v", p, began)
	}
	p, began = run("short", "echo twice", 20*time.Second, -1)
	if began || p.Phase != StepExited || p.ExitCode != 3 || string(p.Output) != "nded\n" {
		t.Errorf("again: got %+v, began %v", p, began)
	}
	if p, began = run("long", "exec sleep 1000", 50*time.Millisecond, 0); !began || p.Phase != StepRunning {
		t.Errorf("long: got %+v, began %v", p, began)
	}
	if p, began = run("long", "exec sleep 1000", 1000*time.Second, 0); began || p.Phase != StepRunning {
		t.Errorf("long, again: got %+v, began %v", p, began)
	}
}

// TestStepOutlivesItsStarter: the connection is cut as soon as the launcher
// runs.
func TestStepOutlivesItsStarter(t *testing.T) {
	d, c := newDaemon(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			if _, err := os.Stat(d.path(stepDir)); err == nil || ctx.Err() != nil {
				cancel()
				return
			}
		}
	}()
	err := c.StartStep(ctx, Step{Dir: stepDir, Cwd: job.Workspace, Command: "echo done"})
	if err != nil && !errors.Is(err, e2b.ErrUnknown) {
		t.Error(err)
	}
	if got := finish(t, c); got.Phase != StepExited || string(got.Output) != "done\n" {
		t.Errorf("got %+v", got)
	}
}

func TestStepArgumentsAreChecked(t *testing.T) {
	d, c := newDaemon(t, nil)
	for _, dir := range []string{"", "/", "/home/user/.siesta", "/home/user/.siesta/../x", "/home/user/.siesta/x/", "x"} {
		err := c.StartStep(t.Context(), Step{Dir: dir, Cwd: "/", Command: "true"})
		_, err2 := c.ReadStep(t.Context(), dir, 0, 1)
		for _, err := range []error{err, err2, c.StopStep(t.Context(), dir)} {
			if !errors.Is(err, e2b.ErrRefused) {
				t.Errorf("%q: got %v", dir, err)
			}
		}
	}
	if err := c.StartStep(t.Context(), Step{Dir: stepDir, Cwd: "project", Command: "true"}); !errors.Is(err, e2b.ErrRefused) {
		t.Errorf("relative cwd: got %v", err)
	}
	if _, err := c.ReadStep(t.Context(), stepDir, -1, 1); err == nil {
		t.Error("negative offset: no error")
	}
	if len(d.started) != 0 {
		t.Errorf("started: %v", d.started)
	}
}
