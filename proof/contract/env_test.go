package contract

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"siesta/shared/env"
	"siesta/shared/job"
)

// variable is a name of at least five characters; the shorter AWS and E2B are groups of them.
var variable = regexp.MustCompile(`^[A-Z][A-Z0-9_]{4,}$`)

// readBy returns the variables that a function's main.go, and its settings.go if
// it has one, name: those in calls such as r.Required("DATABASE_URL"), and those
// that awsenv, and functions such as postgres.ReadConfig, read for it.
func readBy(t *testing.T, function string) []string {
	t.Helper()
	found := map[string]bool{}
	for _, name := range []string{"main.go", "settings.go"} {
		path := filepath.Join(root, "functions", function, name)
		if name == "settings.go" && !exists(path) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Error(err)
			return nil
		}
		ast.Inspect(file, collect(t, "", found))
	}
	return slices.Sorted(maps.Keys(found))
}

// collect adds the variables that the calls of a file, or of a part of one, name;
// pkg is the folder of shared that it is in.
func collect(t *testing.T, pkg string, found map[string]bool) func(ast.Node) bool {
	return func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := called(call)
		if owner, function, ok := strings.Cut(name, "."); ok && strings.HasPrefix(function, "Read") {
			collectShared(t, owner, function, found)
		} else if pkg != "" && strings.HasPrefix(name, "Read") {
			collectShared(t, pkg, name, found)
		}
		if name == "awsenv.Load" {
			for _, v := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
				found[v] = true
			}
		}
		for _, arg := range call.Args {
			lit, ok := arg.(*ast.BasicLit)
			if !ok {
				continue
			}
			text, _ := strconv.Unquote(lit.Value)
			switch {
			case name == "awsenv.Endpoint":
				found["AWS_ENDPOINT_URL_"+strings.ToUpper(text)] = true
			case variable.MatchString(text):
				found[text] = true
			}
		}
		return true
	}
}

// collectShared adds the variables that a function of a package of shared reads.
func collectShared(t *testing.T, pkg, function string, found map[string]bool) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(root, "shared", pkg, "*.go"))
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == function {
				ast.Inspect(f, collect(t, pkg, found))
				return
			}
		}
	}
	t.Fatalf("shared/%s has no function %s", pkg, function)
}

// called is the called function's name as it is written: package.Name, or Name.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// setting is a row of the table in docs/config.md.
type setting struct {
	readers []string // functions
	setBy   string   // template, hand or Lambda
}

func settings(t *testing.T) map[string]setting {
	t.Helper()
	found := map[string]setting{}
	for line := range strings.Lines(read(t, "docs/config.md")) {
		cells := strings.Split(line, " | ")
		name := strings.TrimPrefix(cells[0], "| ")
		if len(cells) != 5 || !variable.MatchString(name) {
			continue
		}
		readers := strings.Split(cells[1], ", ")
		if rest, ok := strings.CutPrefix(cells[1], "all"); ok {
			except := strings.TrimPrefix(rest, " but ")
			readers = slices.DeleteFunc(folders(t), func(f string) bool { return f == except })
		}
		found[name] = setting{readers, cells[2]}
	}
	return found
}

func TestEveryVariableIsDocumented(t *testing.T) {
	table := settings(t)
	for _, function := range folders(t) {
		read := readBy(t, function)
		if read == nil {
			continue
		}
		var documented []string
		for name, s := range table {
			if slices.Contains(s.readers, function) {
				documented = append(documented, name)
			}
		}
		agree(t, "docs/config.md, variables of "+function, documented, read)
	}
	for name, s := range table {
		if !slices.Contains([]string{"template", "hand", "Lambda"}, s.setBy) {
			t.Errorf("docs/config.md: %s is set by %q", name, s.setBy)
		}
	}
}

// TestTemplateSetsEveryVariable: a function gets the variables that it reads,
// and no other. Those set by hand are declared, with no value, for sam local.
func TestTemplateSetsEveryVariable(t *testing.T) {
	tmpl, table := loadTemplate(t), settings(t)
	global := tmpl.At("Globals", "Function", "Environment", "Variables")
	var byHand []string
	for _, name := range global.Keys() {
		if global.At(name).Absent() {
			byHand = append(byHand, name)
		}
	}
	var want []string
	for name, s := range table {
		if s.setBy == "hand" {
			want = append(want, name)
		}
	}
	agree(t, "template.yaml, variables set by hand", byHand, want)

	for function, f := range tmpl.functions() {
		got := slices.Concat(f.At("Properties", "Environment", "Variables").Keys(), global.Keys())
		got = slices.DeleteFunc(got, func(name string) bool { return slices.Contains(byHand, name) })
		read := readBy(t, function)
		if read == nil {
			continue
		}
		var want []string
		for _, name := range read {
			if table[name].setBy == "template" {
				want = append(want, name)
			}
		}
		agree(t, "template.yaml, variables of "+function, got, want)
	}
}

// TestDefaultLimits: the functions read the template's limits, and every one of
// them is a limit.
func TestDefaultLimits(t *testing.T) {
	text := loadTemplate(t).At("Parameters", "Limits", "Default").Text()
	r := env.New(func(string) string { return text })
	var limits map[job.Tier]job.Limits
	if r.JSON("LIMITS", &limits); r.Err() != nil {
		t.Error(r.Err())
	}
	for tier, l := range limits {
		if l.PerUser < 1 || l.PerProject < 1 || l.PerDay < 1 {
			t.Errorf("%s has the limits %+v", tier, l)
		}
	}
	if _, ok := limits[job.Bootstrapper]; !ok {
		t.Errorf("no limits for %s", job.Bootstrapper)
	}
}
