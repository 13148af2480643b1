// Package settingstest holds together what is said of a function's environment
// variables in three places: the function itself, the table of docs/config.md and
// template.yaml. It asks the function's own code for their names, and knows none.
package settingstest

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"siesta/local/template"
	"siesta/shared/env"
)

// Root is the path of the checkout, seen from a package two folders below it, as
// each function and each proof is.
const Root = "../.."

// Hold compares the variables that read asks for with those that docs/config.md
// says that the function reads, and with those that template.yaml gives it. No
// problem that it has with one shows its value, which may be a secret.
func Hold[S any](t *testing.T, function string, read func(*env.Reader) S) {
	t.Helper()
	asked, table := names(read), Table(t)
	var documented, deployed []string
	for name, s := range table {
		if s.readBy(function) {
			documented = append(documented, name)
		}
	}
	for _, name := range asked {
		if table[name].SetBy == "template" {
			deployed = append(deployed, name)
		}
	}
	Agree(t, "docs/config.md, variables of "+function, documented, asked)
	Agree(t, "template.yaml, variables of "+function, given(t, function), deployed)
	for _, value := range []string{"hunter2", "http://u:hunter2@h", "postgres://u:hunter2@h:port", "redis://:hunter2@h:port", `{"hunter2":`} {
		r := env.New(func(string) string { return value })
		read(r)
		if err := r.Err(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("every variable is %s: got %v, want problems without the value", value, err)
		}
	}
}

// names are the variables that read asks for: where none is set, and where each
// has a value that is true, after which it may ask for more.
func names[S any](read func(*env.Reader) S) []string {
	asked := map[string]bool{}
	for _, value := range []string{"", "true"} {
		read(env.New(func(name string) string {
			asked[name] = true
			return value
		}))
	}
	return slices.Sorted(maps.Keys(asked))
}

// given are the variables that template.yaml gives a function, without those of
// one machine, which it only declares.
func given(t *testing.T, function string) []string {
	t.Helper()
	var variables []string
	for _, f := range Template(t).Functions {
		if f.Name == function {
			variables = slices.DeleteFunc(f.Variables, func(name string) bool { return Table(t)[name].SetBy == "hand" })
		}
	}
	return variables
}

// Template is the checkout's template.
func Template(t *testing.T) template.Template {
	t.Helper()
	tmpl, err := template.Read([]byte(read(t, "template.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// Variable is a row of the table of docs/config.md.
type Variable struct {
	SetBy   string // template, hand or Lambda
	readers string // "build, pause", "all", "all but migrate"
}

func (v Variable) readBy(function string) bool {
	if all, but := strings.CutPrefix(v.readers, "all"); but {
		return strings.TrimPrefix(all, " but ") != function
	}
	return slices.Contains(strings.Split(v.readers, ", "), function)
}

var name = regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)

// Table is the table of docs/config.md, by the variables' names.
func Table(t *testing.T) map[string]Variable {
	t.Helper()
	table := map[string]Variable{}
	for line := range strings.Lines(read(t, "docs/config.md")) {
		cells := strings.Split(line, " | ")
		if variable := strings.TrimPrefix(cells[0], "| "); len(cells) == 5 && name.MatchString(variable) {
			table[variable] = Variable{SetBy: cells[2], readers: cells[1]}
		}
	}
	return table
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Agree fails the test for whatever is in one of two sets only.
func Agree(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("%s: %s is too much", what, g)
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s: %s is missing", what, w)
		}
	}
}
