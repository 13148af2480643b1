package demo

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder makes a folder with files: names and contents.
func folder(t *testing.T, files ...string) string {
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
	dir := folder(t, "index.html", "<h1>", "src/dist.js", "1", "package.json", "{}", "dist/x.js", "2", "node_modules/a/b.js", "3", ".git/config", "4", "bin.dat", "\x00\xff")
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	app, err := ReadApp(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"bin.dat", "index.html", "package.json", "src/dist.js"}
	if got := slices.Sorted(maps.Keys(app.files)); !slices.Equal(got, want) || string(app.files["bin.dat"].Content) != "\x00\xff" {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What is built is all that there is, where there is nothing to build it from.
func TestABuiltPageIsItsOwnSource(t *testing.T) {
	app, err := ReadApp(folder(t, "dist/index.html", "a", "app/package.json", "{}", "app/dist/index.html", "b"))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(app.files)); !slices.Equal(got, []string{"app/package.json", "dist/index.html"}) {
		t.Errorf("it sends %v", got)
	}
}

func TestAppsThatCannotBeSent(t *testing.T) {
	for name, c := range map[string]struct{ folder, want string }{
		"empty":        {folder(t), "has no files"},
		"nothing left": {folder(t, "node_modules/a.js", "1"), "has no files"},
		"too large":    {folder(t, "a", strings.Repeat("x", maxApp/2), "b", strings.Repeat("x", maxApp/2+1)), "over 4 MB"},
		"missing":      {filepath.Join(t.TempDir(), "nope"), "there is no folder"},
	} {
		if _, err := ReadApp(c.folder); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
