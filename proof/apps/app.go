package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"siesta/local/demo"
	"siesta/shared/job"
)

// app is a project, how it is made, and what must be true of it. Texts are looked
// for in what a page shows, as regular expressions that know no case.
type app struct {
	name string
	// scaffold is a shell command that makes the folder app; "" is for a project
	// that is all in testdata. What is there under the project's name, or that of
	// like, is laid over it, and with, files by their names, over both.
	scaffold, like string
	with           map[string]string
	is             string // what it must be recognized as
	shows          string
	click          click
	edit           edit
	fails          string // what the failure must say; with shows, too, it may come up as well, by what the sandbox has
	quick          bool   // part of make test
	except         string // why it is known not to work
}

// click is a click that must change the page: it is alive.
type click struct{ selector, then string }

// edit replaces a text in a file; an open page must show that by itself.
type edit struct{ file, from, to string }

const (
	testdata     = "proof/apps/testdata"
	scaffoldTime = 5 * time.Minute
)

// files are the app's source. root is the checkout, cache a folder that scaffolds
// may keep downloads in.
func (a app) files(ctx context.Context, root, cache string) (map[string]job.File, error) {
	files := map[string]job.File{}
	if a.scaffold != "" {
		made, err := generate(ctx, a.scaffold, cache)
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", a.name, err)
		}
		files = made
	}
	name := a.name
	if a.like != "" {
		name = a.like
	}
	text, err := os.ReadFile(filepath.Join(root, testdata, name+".txt"))
	if err != nil && (a.scaffold == "" || !errors.Is(err, os.ErrNotExist)) {
		return nil, fmt.Errorf("read %s: %w", a.name, err)
	}
	maps.Copy(files, parse(string(text)))
	for name, content := range a.with {
		files[name] = job.File{Content: []byte(content)}
	}
	return files, nil
}

// parse reads files that each follow a line with their name.
func parse(text string) map[string]job.File {
	files := map[string]job.File{}
	for part := range strings.SplitSeq("\n"+text, "\n-- ") {
		if name, content, ok := strings.Cut(part+"\n", " --\n"); ok {
			files[name] = job.File{Content: []byte(content)}
		}
	}
	return files
}

// generate runs a command that makes the folder app.
func generate(ctx context.Context, command, cache string) (map[string]job.File, error) {
	ctx, cancel := context.WithTimeout(ctx, scaffoldTime)
	defer cancel()
	cache, err := filepath.Abs(cache) // generators change folders
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "siesta-scaffold-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if cache, err = filepath.Abs(cache); err != nil { // the command has another folder
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "npm_config_cache="+filepath.Join(cache, "npm"), "PIP_CACHE_DIR="+filepath.Join(cache, "pip"),
		"npm_config_yes=true", "npm_config_fund=false", "npm_config_audit=false", "npm_config_update_notifier=false", "NG_CLI_ANALYTICS=false",
		"ASTRO_TELEMETRY_DISABLED=1", "NEXT_TELEMETRY_DISABLED=1", "NUXT_TELEMETRY_DISABLED=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ended with all its processes
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out[max(0, len(out)-1000):])
	}
	made, err := demo.ReadApp(filepath.Join(dir, "app"))
	if err != nil {
		return nil, err
	}
	return made.Files(), nil
}
