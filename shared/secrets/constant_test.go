package secrets

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"
)

// TestACodeIsComparedInConstantTime reads the source, since no clock tells of a few
// bytes: what a token's code is and what it should be are looked at by hmac.Equal and by
// nothing else, so how long an answer takes says nothing of how much of it was right.
func TestACodeIsComparedInConstantTime(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "links.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var open *ast.FuncDecl
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "Open" {
			open = f
		}
	}
	if open == nil {
		t.Fatal("links.go has no Open")
	}
	var compared, others []string // names in calls of hmac.Equal, and elsewhere, but where they are made
	var look func(ast.Node) bool
	look = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, made := range n.Rhs {
				ast.Inspect(made, look)
			}
			return false
		case *ast.SelectorExpr: // a method may have the name, too
			ast.Inspect(n.X, look)
			return false
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && nameOf(f.X) == "hmac" && f.Sel.Name == "Equal" {
				for _, a := range n.Args {
					compared = append(compared, nameOf(a))
				}
				return false
			}
		case *ast.Ident:
			others = append(others, n.Name)
		}
		return true
	}
	ast.Inspect(open.Body, look)
	if !slices.Equal(compared, []string{"code", "want"}) || slices.Contains(others, "code") || slices.Contains(others, "want") {
		t.Errorf("hmac.Equal compares %q; others look at %q", compared, others)
	}
}

func nameOf(n ast.Node) string {
	if name, ok := n.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}
