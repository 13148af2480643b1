package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestARunGoesOnWhereItWasCut: what has a result is not built again, a line that
// was cut is none, and a run that came to all begins anew.
func TestARunGoesOnWhereItWasCut(t *testing.T) {
	dir := t.TempDir()
	begin := func() (*results, []string) {
		kept, todo, err := plan(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		return kept, names(todo)
	}
	kept, todo := begin()
	if !slices.Equal(todo, names(apps)) {
		t.Fatalf("at first there is to do %v", todo)
	}
	for _, name := range todo[:2] {
		if err := kept.add(result{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.OpenFile(filepath.Join(dir, "results.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"Name":"` + todo[2] + `","As":`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	kept, todo = begin()
	if !slices.Equal(todo, names(apps)[2:]) {
		t.Fatalf("after two there is to do %v", todo)
	}
	for _, name := range todo {
		if err := kept.add(result{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	if _, todo = begin(); !slices.Equal(todo, names(apps)) {
		t.Errorf("after all there is to do %v", todo)
	}
}

// TestAWrongProjectFailsTheRun: also one of an earlier part of it, and one that is
// named as an exception but works.
func TestAWrongProjectFailsTheRun(t *testing.T) {
	one := []app{{name: apps[0].name}}
	for _, c := range []struct {
		wrong, except string
		fails         bool
	}{{"", "", false}, {"no page", "", true}, {"no page", "known", false}, {"", "known", true}} {
		text, ok := verdict(app{except: c.except}, result{Wrong: c.wrong})
		if ok == c.fails {
			t.Errorf("%+v: %s", c, text)
		}
	}
	kept := &results{all: map[string]result{apps[0].name: {Wrong: "no page"}}}
	if err := kept.end(io.Discard, one); err == nil || !strings.Contains(err.Error(), "no page") {
		t.Errorf("got %v", err)
	}
	if err := kept.end(io.Discard, apps[1:]); err != nil {
		t.Errorf("a project that is not judged: %v", err)
	}
}
