package detect

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// row is a kind as docs/builds.md shows it.
type row struct{ name, title, recognized, install, start, port, opens, reloads string }

// tables are the rows of each table of docs/builds.md, by its name.
func tables() map[string][]row {
	all := map[string][]row{}
	for _, k := range toolKinds {
		tool := strings.TrimSpace(k.Tool + " " + strings.Join(k.Verbs, ", ") + k.Flag)
		start := "its script"
		if len(k.Args) > 0 {
			start += ", with " + code(strings.Join(k.Args, " "))
		}
		if k.Bare != "" {
			start += "; without one " + code(k.Bare)
		}
		also := ""
		if k.Custom {
			also = ", or any of its own"
		}
		all["node"] = append(all["node"], row{k.Name, k.Title, codes(k.Packages) + ", a script that runs " + code(tool) + also, "its package manager", start, fmt.Sprint(k.Port), opens(k.Opens, k.Env), yes(k.Reloads)})
	}
	for _, k := range serverKinds {
		start := "`start` if it runs a file of the source, else `dev`, else `start`"
		if k.DevFirst {
			start = "`dev`, else `start`"
		}
		recognized := codes(k.Packages)
		if recognized == "" {
			recognized = "any other script, or an entry such as `server.js`"
		}
		all["node"] = append(all["node"], row{k.Name, k.Title, recognized, "its package manager", start, fmt.Sprint(k.Port), opens(k.Opens, k.Env), "if its script does"})
	}
	for _, k := range append(slices.Clone(pythonKinds), djangoKind, plainPython) {
		recognized, install := "an entry that imports "+codes(k.Uses), "what it lists"
		switch {
		case k.Name == djangoKind.Name:
			recognized = "`manage.py`"
		case len(k.Uses) == 0:
			recognized = "any other entry, such as `main.py`"
		case k.Makes != "":
			recognized += " and makes " + codes(strings.Split(k.Makes, "|")) + ", or has a `create_app`"
		}
		if k.Needs != "" {
			install += ", and " + code(k.Needs)
		}
		start := strings.TrimPrefix(k.Start, "exec ")
		if k.Name == djangoKind.Name {
			start = `{python} manage.py runserver "0.0.0.0:$PORT"`
		}
		all["python"] = append(all["python"], row{k.Name, k.Title, recognized, install, code(start), fmt.Sprint(k.Port), k.Opens, yes(k.Reloads)})
	}
	for _, k := range slices.Concat(monolithKinds, otherKinds) {
		install := ""
		if k.Install != "" {
			install = code(k.Install)
		}
		all["other"] = append(all["other"], row{k.Name, k.Title, codes(k.Files), install, code(strings.TrimPrefix(k.Start, "exec ")), fmt.Sprint(k.Port), k.Opens, yes(k.Reloads)})
	}
	return all
}

func kindNames() (names []string) {
	for _, rows := range tables() {
		for _, r := range rows {
			names = append(names, r.name)
		}
	}
	return append(names, "static", "procfile", "dockerfile")
}

func code(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }

func codes(all []string) string {
	var marked []string
	for _, s := range all {
		marked = append(marked, code(s))
	}
	return strings.Join(marked, ", ")
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func opens(text string, env map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		all = append(all, code(name+"="+env[name]))
	}
	if text != "" {
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// TestTheDocumentHasTheTables keeps the page and the tables of the code the same.
func TestTheDocumentHasTheTables(t *testing.T) {
	t.Parallel()
	const file = "../../docs/builds.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	document := string(data)
	for name, rows := range tables() {
		var table strings.Builder
		table.WriteString("\n| framework | is | recognized by | install | start | port | opened to its preview's address by | shows changed files |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
		for _, r := range rows {
			fmt.Fprintf(&table, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", code(r.name), r.title, r.recognized, r.install, r.start, r.port, cmp.Or(r.opens, "its start"), r.reloads)
		}
		begin, end := "<!-- "+name+": go test ./shared/detect -update -->", "<!-- end -->"
		before, rest, ok := strings.Cut(document, begin)
		_, after, ended := strings.Cut(rest, end)
		if !ok || !ended {
			t.Fatalf("%s has no place for the table %s", file, name)
		}
		document = before + begin + "\n" + table.String() + "\n" + end + after
	}
	if *update {
		if err := os.WriteFile(file, []byte(document), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if document != string(data) {
		t.Errorf("%s is not what the tables say: run go test ./shared/detect -update", file)
	}
}
