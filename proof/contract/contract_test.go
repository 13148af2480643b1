// Package contract has no code of its own. Its tests keep together what is said
// in several places: the folders of functions/, template.yaml, the routes of
// docs/openapi.yaml, the variables of docs/config.md, the alarms of
// docs/runbook.md, the samples in events/. They read files; nothing is started.
package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"siesta/proof/settingstest"
)

// root is the path of the checkout, seen from this folder.
const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// folders returns the names of the functions, as folders tell them.
func folders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// agree fails a test for whatever is in one of two sets only.
var agree = settingstest.Agree

func TestEveryFolderIsAFunction(t *testing.T) {
	var deployed []string
	for name := range loadTemplate(t).functions() {
		deployed = append(deployed, name)
	}
	agree(t, "functions of template.yaml", deployed, folders(t))
}

// TestMainOnlyWires holds each main.go to what fits on one screen.
func TestMainOnlyWires(t *testing.T) {
	for _, name := range folders(t) {
		if lines := strings.Count(read(t, "functions/"+name+"/main.go"), "\n"); lines > 60 {
			t.Errorf("functions/%s/main.go has %d lines, want at most 60", name, lines)
		}
	}
}
