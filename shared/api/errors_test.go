package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// TestTableHoldsEverySentinel reads the sentinels out of shared/job's source,
// so that a new one cannot be forgotten here.
func TestTableHoldsEverySentinel(t *testing.T) {
	rows := map[string]row{}
	for _, r := range table {
		rows[r.err.Error()] = r
		if r.status < 400 || r.status > 599 || r.message == "" {
			t.Errorf("row of %q: status %d, message %q", r.err, r.status, r.message)
		}
	}
	sentinels := sentinelsOf(t, "../job/errors.go")
	if len(sentinels) == 0 {
		t.Fatal("no sentinel found")
	}
	for name, message := range sentinels {
		if _, ok := rows[message]; !ok {
			t.Errorf("job.%s has no row", name)
		}
	}
}

// sentinelsOf returns the text of each `Name = errors.New("text")` of a file.
func sentinelsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		call, ok := spec.Values[0].(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		if lit, ok := call.Args[0].(*ast.BasicLit); ok {
			found[spec.Names[0].Name], _ = strconv.Unquote(lit.Value)
		}
		return true
	})
	return found
}
