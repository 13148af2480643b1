package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/local/stack"
	"siesta/proof/world"
)

// patience is how long a command may take.
const patience = 2 * time.Minute

// root is the path of the checkout, seen from this folder.
const root = ".."

// folder is a checkout of the tests' own, built as "make build" does.
var folder string

func TestMain(m *testing.M) {
	world.Init()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if folder, err = world.Folder("local"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	for _, name := range []string{"template.yaml", "functions", "examples", "events"} {
		absolute, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			return 1, err
		}
		if err := os.Symlink(absolute, filepath.Join(folder, name)); err != nil {
			return 1, err
		}
	}
	if err := stack.Build(context.Background(), root, filepath.Join(folder, ".local", "bin")); err != nil {
		return 1, err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(folder, ".local", "bin", "local"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build local: %w: %s", err, out)
	}
	return m.Run(), nil
}

// command is the program as a user calls it; env is what the user has exported.
func command(t *testing.T, env []string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(folder, ".local", "bin", "local"), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &said, &said
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	return cmd, &said
}

// call runs the program to its end.
func call(t *testing.T, env []string, args ...string) (code int, said string) {
	t.Helper()
	cmd, out := command(t, env, args...)
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// keepUp runs the system until the test ends or stop is called.
func keepUp(t *testing.T, env []string) (stop func(os.Signal) string) {
	t.Helper()
	cmd, said := command(t, env, "run")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func(signal os.Signal) string {
		_ = cmd.Process.Signal(signal)
		<-ended
		return said.String()
	}
	t.Cleanup(func() { stop(os.Interrupt) })
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ended:
			t.Fatalf("the system did not come up:\n%s", said)
		case <-look.C:
		}
		if _, err := os.Stat(local("env")); err == nil {
			return stop
		}
	}
}

// local is a path below the checkout's .local.
func local(name string) string { return filepath.Join(folder, ".local", name) }

func gone(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := os.Stat(local(name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf(".local/%s is still there (%v)", name, err)
		}
	}
}

func contains(t *testing.T, said string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(said, word) {
			t.Errorf("%q is not in:\n%s", word, said)
		}
	}
}

// answers reports whether something serves an address.
func answers(address string) bool {
	resp, err := http.Get(address)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil
}
