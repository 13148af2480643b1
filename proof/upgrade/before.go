package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"siesta/local/stack"
)

// built are the functions of two commits.
type built struct {
	root        string
	old, new    string // <function>/bootstrap
	live        string // what runs: links to either
	oldest, now int    // newest migration of each
}

// build unpacks the commit before into a folder of its own, and builds both. What
// runs is the commit before; a function that it does not have is there all the
// same, and nobody calls it yet.
func build(ctx context.Context, root, before, dir string) (built, error) {
	b := built{root: root, old: filepath.Join(dir, "old"), new: filepath.Join(dir, "new"), live: filepath.Join(dir, "live")}
	checkout := filepath.Join(dir, "before")
	if err := unpack(ctx, root, before, checkout); err != nil {
		return built{}, err
	}
	var err error
	if b.oldest, err = newest(checkout); err != nil {
		return built{}, err
	}
	if b.now, err = newest(root); err != nil {
		return built{}, err
	}
	for from, to := range map[string]string{checkout: b.old, root: b.new} {
		if len(functions(to)) > 0 { // built by an earlier run
			continue
		}
		if err := stack.Build(ctx, from, to); err != nil {
			return built{}, fmt.Errorf("%s: %w", from, err)
		}
	}
	for _, from := range []string{b.new, b.old} { // the last one counts
		for _, function := range functions(from) {
			if err := b.link(function, from); err != nil {
				return built{}, err
			}
		}
	}
	return b, nil
}

// unpack puts a commit's files into a folder. It needs the commit, and no more of
// the history.
func unpack(ctx context.Context, root, commit, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("unpack %s: %w", commit, err)
	}
	archive := to + ".tar"
	defer os.Remove(archive)
	for _, args := range [][]string{
		{"git", "-C", root, "archive", "--format=tar", "--output=" + archive, commit},
		{"tar", "-xf", archive, "-C", to},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("unpack commit %q: %s: %w: %s", commit, args[0], err, out)
		}
	}
	return nil
}

var migration = regexp.MustCompile(`^(\d{6})_.*\.up\.sql$`)

// newest is the number of a checkout's newest migration.
func newest(root string) (n int, err error) {
	files, err := os.ReadDir(filepath.Join(root, "shared", "postgres", "migrations"))
	if err != nil {
		return 0, fmt.Errorf("look for migrations: %w", err)
	}
	for _, f := range files {
		if m := migration.FindStringSubmatch(f.Name()); m != nil {
			i, _ := strconv.Atoi(m[1]) // six digits
			n = max(n, i)
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("look for migrations: %s has none", root)
	}
	return n, nil
}

// functions are the names of those in a folder.
func functions(dir string) (names []string) {
	entries, _ := os.ReadDir(dir) // which was just made
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), "bootstrap")); err == nil {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// link makes a function's next process run the binary of a folder. Those that run
// already have the one that they were started with.
func (b built) link(function, from string) error {
	folder := filepath.Join(b.live, function)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("deploy %s: %w", function, err)
	}
	next := filepath.Join(folder, "next")
	if err := os.Link(filepath.Join(from, function, "bootstrap"), next); err != nil {
		return fmt.Errorf("deploy %s: %w", function, err)
	}
	if err := os.Rename(next, filepath.Join(folder, "bootstrap")); err != nil {
		return fmt.Errorf("deploy %s: %w", function, err)
	}
	_ = os.Remove(next) // what is linked to the same file already is not renamed
	return nil
}
