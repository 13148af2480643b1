package envd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"siesta/shared/job"
)

// TestALateRemovalRemovesNothingNew: what an earlier caller gave up on may still
// run. The next caller's removal waits for it, so that what is written after that
// stays.
func TestALateRemovalRemovesNothingNew(t *testing.T) {
	signs := t.TempDir() // files by which the programs below and this test talk
	sign := func(name string) string { return filepath.Join(signs, name) }
	release := func() {
		if err := os.WriteFile(sign("go"), nil, 0o644); err != nil {
			t.Error(err)
		}
	}
	replace(t, "rm", `if mkdir "$SIGNS/removing" 2>/dev/null; then
	until [ -e "$SIGNS/go" ]; do sleep 0.01; done
	"$REAL" "$@"
	exec touch "$SIGNS/removed"
fi`, signs)
	replace(t, "flock", `echo >>"$SIGNS/asked"`, signs)
	d, c := newDaemon(t, nil)
	defer release()
	d.write("project/page")

	giveUp, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { first <- c.Remove(giveUp, job.Workspace, []string{"page"}) }()
	await(t, "the first removal", func() bool { return exists(sign("removing")) })
	cancel()
	if err := <-first; err == nil {
		t.Error("a removal that was given up says that it is done")
	}

	var written atomic.Bool
	second := make(chan error, 1)
	go func() {
		err := c.Remove(t.Context(), job.Workspace, []string{"page"})
		if err == nil {
			var opened atomic.Int32
			err = c.Upload(t.Context(), job.Workspace, files(&opened, "page/index.html"))
		}
		written.Store(true)
		second <- err
	}()
	await(t, "the second removal", func() bool {
		asked, _ := os.ReadFile(sign("asked"))
		return written.Load() || strings.Count(string(asked), "\n") == 2
	})
	release()
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	await(t, "the first removal's end", func() bool { return exists(sign("removed")) })
	if left := d.files(); fmt.Sprint(left) != "[project/page/index.html]" {
		t.Errorf("left are %v", left)
	}
}

// replace puts a program before the one of the same name, which it goes on as
// when script has run.
func replace(t *testing.T, name, script, signs string) {
	t.Helper()
	real, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := fmt.Sprintf("#!/bin/sh\nSIGNS='%s' REAL='%s'\n%s\nexec \"$REAL\" \"$@\"\n", signs, real, script)
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// await returns when something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: still not so", what)
		}
	}
}
