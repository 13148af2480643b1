package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// app makes a folder with files: names and contents.
func app(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i+1 < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAnAppIsItsSource: what a build makes anew is not sent along, and a source
// file of such a name is.
func TestAnAppIsItsSource(t *testing.T) {
	dir := app(t, "index.html", "<h1>", "src/dist.js", "1", "dist/x.js", "2", "node_modules/a/b.js", "3", ".git/config", "4", "bin.dat", "\x00\xff")
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	files, err := readApp(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"bin.dat", "index.html", "src/dist.js"}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) || string(files["bin.dat"].Content) != "\x00\xff" {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAppsThatCannotBeSent(t *testing.T) {
	for name, c := range map[string]struct{ folder, want string }{
		"empty":        {app(t), "has no files"},
		"nothing left": {app(t, "node_modules/a.js", "1"), "has no files"},
		"too large":    {app(t, "a", strings.Repeat("x", maxApp/2), "b", strings.Repeat("x", maxApp/2+1)), "over 4 MB"},
		"missing":      {filepath.Join(t.TempDir(), "nope"), "there is no folder"},
	} {
		if _, err := readApp(c.folder); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestAPipeGetsWholeLines: without a terminal, each stage is a line of its own
// and nothing is written over.
func TestAPipeGetsWholeLines(t *testing.T) {
	var b strings.Builder
	s := screen{to: &b}
	s.stage(0, "Queued...")
	s.log(2e9, "Queued...", "npm ci "+strings.Repeat("é", 60))
	s.log(2.1e9, "Queued...", "too soon")
	s.stage(3e9, "Build complete!")
	s.done()
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || strings.ContainsAny(b.String(), "\r\x1b\uFFFD") || !strings.Contains(lines[1], "npm ci") {
		t.Errorf("got %q", b.String())
	}
}
