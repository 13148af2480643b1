package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEveryGuardIsWhereTheTableSays: `make prove` takes too long to be run at
// every change; a guard that moved, or whose test has another name, is noticed
// here.
func TestEveryGuardIsWhereTheTableSays(t *testing.T) {
	tries := &trials{root: "../.."}
	folders := map[string]source{}
	for _, g := range guards {
		if _, err := tries.takeOut(t.TempDir(), g); err != nil {
			t.Errorf("%s: %v", g.name, err)
		}
		if _, read := folders[g.folder]; !read {
			folders[g.folder] = readFolder(t, filepath.Join(tries.root, g.folder))
		}
		for one := range strings.SplitSeq(g.test, "|") {
			if name, part, _ := strings.Cut(one, "/"); !folders[g.folder].has(name, regexp.MustCompile(part)) {
				t.Errorf("%s: %s has no test %s", g.name, g.folder, one)
			}
		}
	}
}

// source is what names the tests of a folder, and their parts.
type source struct {
	tests   map[string]bool
	strings []string // with blanks as in the name of a test's part
}

func readFolder(t *testing.T, folder string) source {
	t.Helper()
	s := source{tests: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				s.tests[n.Name.Name] = n.Recv == nil && strings.HasSuffix(file, "_test.go")
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil {
					s.strings = append(s.strings, strings.ReplaceAll(text, " ", "_"))
				}
			}
			return true
		})
	}
	return s
}

func (s source) has(test string, part *regexp.Regexp) bool {
	return s.tests[test] && slices.ContainsFunc(s.strings, part.MatchString)
}
