package sqs

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
)

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		err  error
		want decision
	}{
		{nil, acknowledge},
		{errors.New("unheard of"), retry},
		{fmt.Errorf("claim: %w", job.ErrUnavailable), retry},
		{fmt.Errorf("decode: %w", job.ErrBadMessage), deadLetter},
		{&job.InvalidError{Field: "goal", Reason: "is required"}, deadLetter},
		{job.ErrForeign, deadLetter},
		{job.ErrTerminal, acknowledge},
		{fmt.Errorf("pause: %w", &RetryAfter{Delay: time.Second, Err: job.ErrTerminal}), retry},
		{errors.Join(job.ErrForeign, job.ErrUnavailable), retry},
	} {
		if got := decide(c.err); got != c.want {
			t.Errorf("%v: got %v, want %v", c.err, got, c.want)
		}
	}
}

// Every sentinel of the domain is in the table, once.
func TestTableHasEverySentinel(t *testing.T) {
	inTable := map[string]int{}
	inspect(t, "decide.go", func(n ast.Node) {
		if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Err") {
			inTable[s.Sel.Name]++
		}
	})
	sentinels := 0
	inspect(t, "../job/errors.go", func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Err") {
			return
		}
		sentinels++
		if name := spec.Names[0].Name; inTable[name] != 1 {
			t.Errorf("job.%s is in the table %d times, want once", name, inTable[name])
		}
	})
	if sentinels == 0 {
		t.Error("found no sentinels")
	}
}

func inspect(t *testing.T, file string, f func(ast.Node)) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool { f(n); return true })
}
