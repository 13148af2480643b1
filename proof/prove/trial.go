package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// patience bounds one run of a test.
const patience = 10 * time.Minute

// guard is one thing that keeps a promise, the change that takes it out, and
// the test that then must fail.
type guard struct {
	name   string
	file   string // in the checkout; several, with blanks between, that stand for one another
	old    string // what is there, once
	new    string // what is there without the guard
	folder string // of the test
	test   string // the test's name, as -run takes it
}

// trials runs tests on copies with one guard less.
type trials struct {
	root string
	dir  string // for what is made on the way

	mu    sync.Mutex
	sound map[string]error // what each test says with every guard in place
}

// try reports whether the guard's test fails without it. An error: it fails
// with it, too, or the change cannot be made.
func (t *trials) try(ctx context.Context, number int, g guard) (caught bool, err error) {
	if err := t.check(ctx, g); err != nil {
		return false, fmt.Errorf("with every guard in place: %w", err)
	}
	dir := filepath.Join(t.dir, fmt.Sprint(number))
	overlay, err := t.takeOut(dir, g)
	if err != nil {
		return false, err
	}
	err = t.run(ctx, dir, overlay, g)
	if errors.Is(err, errFailed) {
		return true, nil
	}
	return false, err
}

// check runs a test as everything is, once for all guards that it stands for.
func (t *trials) check(ctx context.Context, g guard) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := g.folder + " " + g.test
	err, done := t.sound[key]
	if !done {
		dir, mkdirErr := os.MkdirTemp(t.dir, "sound-")
		if mkdirErr != nil {
			return fmt.Errorf("make folder: %w", mkdirErr)
		}
		err = t.run(ctx, dir, "", g)
		t.sound[key] = err
	}
	return err
}

// takeOut writes the changed files, and the overlay that puts them in place of
// the real ones.
func (t *trials) takeOut(dir string, g guard) (overlay string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make folder: %w", err)
	}
	replaced := map[string]string{}
	for _, file := range strings.Fields(g.file) {
		real := filepath.Join(t.root, file)
		text, err := os.ReadFile(real)
		if err != nil {
			return "", fmt.Errorf("read file of guard: %w", err)
		}
		if n := strings.Count(string(text), g.old); n != 1 {
			return "", fmt.Errorf("%s holds the guard %d times, want once", file, n)
		}
		changed := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(changed, []byte(strings.Replace(string(text), g.old, g.new, 1)), 0o644); err != nil {
			return "", fmt.Errorf("write without guard: %w", err)
		}
		replaced[real] = changed
	}
	told, err := json.Marshal(map[string]map[string]string{"Replace": replaced})
	if err != nil {
		return "", fmt.Errorf("encode overlay: %w", err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, told, 0o644); err != nil {
		return "", fmt.Errorf("write without guard: %w", err)
	}
	return overlay, nil
}

// errFailed: the test ran and failed.
var errFailed = errors.New("test failed")

// run builds a test and runs it. Whatever the test builds has the overlay, too.
func (t *trials) run(ctx context.Context, dir, overlay string, g guard) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	env := append(os.Environ(), "CRASH=whole")
	if overlay != "" {
		env = append(env, "GOFLAGS=-overlay="+overlay)
	}
	program := filepath.Join(dir, "test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./"+g.folder)
	build.Dir, build.Env = t.root, env
	if g.folder == everyCall { // it judges by its own times, and builds the functions itself
		build.Env = os.Environ()
	}
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build test: %w: %s", err, out)
	}
	defer os.Remove(program)
	test := exec.CommandContext(ctx, program, "-test.run", g.test, "-test.count=1", "-test.v", "-test.timeout", patience.String())
	test.Dir, test.Env = filepath.Join(t.root, g.folder), env
	out, err := test.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("run test: %w", ctx.Err())
	case strings.Contains(string(out), "\n--- FAIL: ") || strings.HasPrefix(string(out), "--- FAIL: "):
		return errFailed
	case err != nil:
		return fmt.Errorf("run test: %w: %s", err, out)
	case !strings.Contains(string(out), "--- PASS: "):
		return fmt.Errorf("no test of %s matches %s", g.folder, g.test)
	}
	return nil
}
