package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the list of docs/builds.md anew")

// TestNamesAreNamesOfFiles: a project's name is that of its file and its picture,
// and it is there once. Each is asked something.
func TestNamesAreNamesOfFiles(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range apps {
		if seen[a.name] || filepath.Base(a.name) != a.name {
			t.Errorf("a project is called %q", a.name)
		}
		seen[a.name] = true
		if (a.is == "") != (a.shows == "") || a.fails == "" && a.shows == "" {
			t.Errorf("%s is asked nothing", a.name)
		}
	}
}

// TestFilesArePartOfAProject: what nobody builds is not kept.
func TestFilesArePartOfAProject(t *testing.T) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".txt")
		if !slices.ContainsFunc(apps, func(a app) bool { return a.name == name && a.like == "" || a.like == name }) {
			t.Errorf("testdata/%s is no project's", file.Name())
		}
	}
}

// TestTheDocumentNamesAll holds docs/builds.md to the table.
func TestTheDocumentNamesAll(t *testing.T) {
	const file = root + "/docs/builds.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- apps: go test ./proof/apps -update -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(data), begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no place for the projects", file)
	}
	if document := before + begin + list(before) + end + after; *update {
		if err := os.WriteFile(file, []byte(document), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if document != string(data) {
		t.Errorf("%s is not what the table says: run go test ./proof/apps -update", file)
	}
}

var aKind = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|")

// untried are the kinds of the document's tables that no project is.
func untried(document string) (kinds []string) {
	for _, row := range aKind.FindAllStringSubmatch(document, -1) {
		if !slices.ContainsFunc(apps, func(a app) bool { return a.is == row[1] }) && !slices.Contains(kinds, row[1]) {
			kinds = append(kinds, row[1])
		}
	}
	return kinds
}

// TestAKindIsTried: a kind that no project is has never been seen to work, unless
// its packages are where "make apps" does not look.
func TestAKindIsTried(t *testing.T) {
	document, err := os.ReadFile(root + "/docs/builds.md")
	if err != nil {
		t.Fatal(err)
	}
	if untried := untried(string(document)); !slices.Equal(untried, []string{"laravel", "rails", "rack"}) {
		t.Errorf("nobody tries %v", untried)
	}
}

// list is what the document, with these tables of kinds, says of all projects.
func list(tables string) string {
	var b strings.Builder
	var fetched, ours, excepted []string
	for _, a := range apps {
		if a.scaffold != "" {
			fetched = append(fetched, a.name)
		} else {
			ours = append(ours, a.name)
		}
		if a.except != "" {
			excepted = append(excepted, fmt.Sprintf("| %s | %s |\n", a.name, a.except))
		}
	}
	fmt.Fprintf(&b, "\n%d projects. Of generators: %s. Of our own: %s.\n\n", len(apps), strings.Join(fetched, ", "), strings.Join(ours, ", "))
	if untried := untried(tables); len(untried) > 0 {
		fmt.Fprintf(&b, "Recognized, but not tried for real: %s. Their packages are those of Packagist and RubyGems, which it does not ask.\n\n", strings.Join(untried, ", "))
	}
	if len(excepted) == 0 {
		b.WriteString("All must work.\n\n")
		return b.String()
	}
	fmt.Fprintf(&b, "All must work but these:\n\n| project | why it does not |\n| --- | --- |\n%s\n", strings.Join(excepted, ""))
	return b.String()
}
