package clienttest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// TestLifecycle is what a job's sandbox goes through.
func TestLifecycle(t *testing.T) {
	_, c := newWorld(t)
	ctx := t.Context()
	s := create(t, c)
	box := envd.Of(c, s)
	if err := box.WriteMarker(ctx, 1); err != nil {
		t.Fatal(err)
	}
	source := map[string]string{"index.html": "<h1>app</h1>", "src/größe.js": "// ü"}
	err := box.Upload(ctx, job.Workspace, func(yield func(envd.File, error) bool) {
		for name, text := range source {
			if !yield(envd.File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range source {
		got, err := box.ReadFile(ctx, job.Workspace+"/"+name, 0, 100)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}

	url := c.PreviewURL(s.ID, 3000)
	if p := c.Probe(ctx, url); p.Answer != e2b.PortClosed {
		t.Errorf("before the server: %+v", p)
	}
	dir := envd.StepDir("j", 1, "start")
	server := envd.Step{Dir: dir, Cwd: job.Workspace, Env: map[string]string{"PORT": "3000"},
		Command: `echo "secret $PORT"; ! command -v python3 >/dev/null || exec python3 -u -m http.server "$PORT"; exec busybox httpd -f -p "$PORT"`}
	for range 2 {
		if err := box.StartStep(ctx, server); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the server", func() bool { return c.Probe(ctx, url).Ready() })
	var p envd.Progress
	await(t, "its output", func() bool { // which is kept beside it
		var err error
		p, err = box.ReadStep(ctx, dir, 0, 1<<10)
		return err != nil || len(p.Output) > 0
	})
	if p.Phase != envd.StepRunning {
		t.Errorf("step: %+v", p)
	}
	mustContain(t, p.Output, "secret 3000\n")

	for _, want := range []error{nil, e2b.ErrPaused} {
		if err := c.Pause(ctx, s.ID); !errors.Is(err, want) {
			t.Errorf("pause: %v, want %v", err, want)
		}
	}
	if p := c.Probe(ctx, url); p.Answer != e2b.NoSandbox {
		t.Errorf("while paused: %+v", p)
	}
	if _, err := box.ReadMarker(ctx); !errors.Is(err, e2b.ErrNotFound) {
		t.Errorf("marker while paused: %v", err)
	}
	if err := box.StopStep(ctx, dir); !errors.Is(err, e2b.ErrNotFound) {
		t.Errorf("stop while paused: %v", err)
	}
	list, err := c.List(ctx, e2b.Filter{Metadata: map[string]string{"siesta_job": "j"}, States: []e2b.State{e2b.Paused}})
	if err != nil || len(list.Sandboxes) != 1 || list.Sandboxes[0].ID != s.ID || list.Sandboxes[0].Metadata["siesta_stack"] != "s" {
		t.Errorf("list: %+v, %v", list, err)
	}

	for _, want := range []bool{true, false} {
		_, resumed, err := c.Connect(ctx, s.ID, 10*time.Minute)
		if err != nil || resumed != want {
			t.Errorf("connect: resumed %v, %v", resumed, err)
		}
	}
	if p := c.Probe(ctx, url); !p.Ready() {
		t.Errorf("after the resume: %+v", p)
	}
	if epoch, err := box.ReadMarker(ctx); err != nil || epoch != 1 {
		t.Errorf("marker: %d, %v", epoch, err)
	}
	if err := box.StopStep(ctx, dir); err != nil {
		t.Error(err)
	}
	if p := c.Probe(ctx, url); p.Answer != e2b.PortClosed {
		t.Errorf("after the server's end: %+v", p)
	}
	for _, want := range []error{nil, e2b.ErrNotFound} {
		if err := c.Kill(ctx, s.ID); !errors.Is(err, want) {
			t.Errorf("kill: %v, want %v", err, want)
		}
	}
}

// TestSteps is what envd and a sandbox's own init make of them: once, as a
// whole group, whatever the output.
func TestSteps(t *testing.T) {
	_, c := newWorld(t)
	box, ctx := envd.Of(c, create(t, c)), t.Context()
	dir := envd.StepDir("j", 1, "deps")
	step := envd.Step{Dir: dir, Cwd: job.Workspace, Env: map[string]string{"SECRET": "hidden"},
		Command: `printf '\377'; echo "$SECRET"; (trap '' TERM; exec sleep 1000) & setsid -w sleep 1000`}
	done := make(chan error)
	for range 8 {
		go func() { done <- box.StartStep(ctx, step) }()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	await(t, "the output", func() bool {
		p, err := box.ReadStep(ctx, dir, 0, 100)
		return err == nil && string(p.Output) == "\xffhidden\n"
	})
	if err := box.StopStep(ctx, dir); err != nil {
		t.Error(err)
	}
	p, err := box.TailStep(ctx, dir, 7)
	if err != nil || p.Phase == envd.StepRunning || string(p.Output) != "hidden\n" {
		t.Errorf("got %+v, %v", p, err)
	}
	left, err := box.Run(ctx, envd.Command{Path: "/bin/bash", Args: []string{"-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"}}, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(left.Stdout), "sleep 1000") || strings.Contains(string(left.Stdout), "hidden") {
		t.Errorf("left over: %s", left.Stdout)
	}

	big := envd.StepDir("j", 1, "big")
	if err := box.StartStep(ctx, envd.Step{Dir: big, Cwd: job.Workspace, Command: "head -c 100000000 /dev/zero; exit 4"}); err != nil {
		t.Fatal(err)
	}
	await(t, "100 MB of log", func() bool {
		p, err = box.TailStep(ctx, big, 1<<10)
		return err != nil || p.Phase != envd.StepRunning
	})
	if err != nil || p.Phase != envd.StepExited || p.ExitCode != 4 || p.Size != 100_000_000 || p.Next != p.Size || len(p.Output) != 1<<10 {
		t.Errorf("got %s %d %d %d %d, %v", p.Phase, p.ExitCode, p.Size, p.Next, len(p.Output), err)
	}
}

// TestStaleFilesAreNoticed: E2B brings up the files of an earlier pause.
func TestStaleFilesAreNoticed(t *testing.T) {
	sim, c := newWorld(t)
	s := create(t, c)
	box, ctx := envd.Of(c, s), t.Context()
	if _, err := sim.AddFault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Stale, Nth: 2}); err != nil {
		t.Fatal(err)
	}
	for epoch := 1; epoch <= 2; epoch++ {
		if err := box.WriteMarker(ctx, epoch); err != nil {
			t.Fatal(err)
		}
		if err := c.Pause(ctx, s.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Connect(ctx, s.ID, time.Minute); err != nil {
			t.Fatal(err)
		}
		got, err := box.ReadMarker(ctx)
		if want := 1; err != nil || got != want {
			t.Errorf("after resume %d: marker %d, %v, want %d", epoch, got, err, want)
		}
	}
}

// TestAHungGuestIsRebooted: only its files come back, and no process does.
func TestAHungGuestIsRebooted(t *testing.T) {
	sim, c := newWorld(t)
	s := create(t, c)
	box, ctx := envd.Of(c, s), t.Context()
	dir := envd.StepDir("j", 1, "start")
	err := errors.Join(box.WriteMarker(ctx, 3), box.StartStep(ctx, envd.Step{Dir: dir, Cwd: job.Workspace, Command: "exec sleep 1000"}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sim.AddFault(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.HungGuest}); err != nil {
		t.Fatal(err)
	}
	if err := c.Pause(ctx, s.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := c.Connect(ctx, s.ID, time.Minute); !errors.Is(err, e2b.ErrGuestHung) {
			t.Errorf("connect: %v, want %v", err, e2b.ErrGuestHung)
		}
	}
	for _, want := range []bool{true, false} { // one that runs is left as it is
		if _, resumed, err := c.Reboot(ctx, s.ID, time.Minute); err != nil || resumed != want {
			t.Fatalf("reboot: resumed %v, %v, want %v", resumed, err, want)
		}
	}
	marker, err := box.ReadMarker(ctx)
	if p, err2 := box.ReadStep(ctx, dir, 0, 0); err != nil || err2 != nil || marker != 3 || p.Phase != envd.StepDied {
		t.Errorf("marker %d, step %s, %v, %v", marker, p.Phase, err, err2)
	}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal(fmt.Errorf("%s does not come", what))
		}
	}
}
