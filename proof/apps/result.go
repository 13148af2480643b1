package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// result is what came of a project. Its times are in seconds.
type result struct {
	Name     string
	As       string // what it was recognized as
	Why      string
	Versions string
	Ready    float64 // after the start; 0: never
	Seconds  float64 // in all
	Seen     string  // of the page
	Wrong    string  // "": all is as it must be
}

// String is a line for who waits.
func (r result) String() string {
	line := fmt.Sprintf("%-24s %5.1f s  ", r.Name, r.Seconds)
	if r.Wrong != "" {
		return line + "WRONG: " + r.Wrong
	}
	return line + fmt.Sprintf("%s; READY after %.1f s; %s", r.Why, r.Ready, r.Seen)
}

// results are those of this run and of the one that it goes on with.
type results struct {
	mu   sync.Mutex
	path string
	all  map[string]result
}

// plan is what there is to do: the projects of patterns with commas between them,
// or all that an earlier run, whose results are in the folder kept, has not come
// to. One that came to all is over, and begins anew.
func plan(folder, patterns string) (*results, []app, error) {
	kept := &results{path: filepath.Join(folder, "results.jsonl"), all: map[string]result{}}
	text, err := os.ReadFile(kept.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("read results: %w", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var r result
		if json.Unmarshal(lines.Bytes(), &r) == nil { // the last one may have been cut
			kept.all[r.Name] = r
		}
	}
	missing := slices.DeleteFunc(slices.Clone(apps), func(a app) bool { _, ok := kept.all[a.name]; return ok })
	if patterns != "" {
		todo := slices.DeleteFunc(slices.Clone(apps), func(a app) bool { return !called(a, patterns) })
		if len(todo) == 0 {
			return nil, nil, fmt.Errorf("no project is called %s; there are %s", patterns, strings.Join(names(apps), ", "))
		}
		return kept, todo, nil
	}
	if len(missing) == 0 {
		kept.all, missing = map[string]result{}, apps
		if err := os.Remove(kept.path); err != nil {
			return nil, nil, fmt.Errorf("begin anew: %w", err)
		}
	}
	return kept, missing, nil
}

func called(a app, patterns string) bool {
	return slices.ContainsFunc(strings.Split(patterns, ","), func(pattern string) bool {
		ok, err := path.Match(pattern, a.name)
		return ok && err == nil
	})
}

func names(apps []app) (names []string) {
	for _, a := range apps {
		names = append(names, a.name)
	}
	return names
}

// add keeps a result, on a line of its own whatever a cut one left.
func (k *results) add(r result) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[r.Name] = r
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep result: %w", err)
	}
	file, err := os.OpenFile(k.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("keep result: %w", err)
	}
	_, err = fmt.Fprintf(file, "\n%s\n", line)
	return errors.Join(err, file.Close())
}

// verdict is ok, an exception that docs/builds.md names, or wrong: also where an
// exception works, and is none any more.
func verdict(a app, r result) (text string, ok bool) {
	switch {
	case r.Wrong == "" && a.except == "":
		return "ok", true
	case r.Wrong == "":
		return "works, and is no exception", false
	case a.except != "":
		return "exception", true
	}
	return "WRONG", false
}

// end shows all results, and is an error if one of the projects judged is wrong.
func (k *results) end(to io.Writer, judged []app) error {
	t := tabwriter.NewWriter(to, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| project\t| recognized as\t| READY after\t| page seen\t| verdict\t|")
	fmt.Fprintln(t, "| ---\t| ---\t| ---\t| ---\t| ---\t|")
	var wrong []string
	for _, a := range apps {
		r, ok := k.all[a.name]
		if !ok {
			continue
		}
		ready := "-"
		if r.Ready > 0 {
			ready = fmt.Sprintf("%.1f s", r.Ready)
		}
		text, ok := verdict(a, r)
		fmt.Fprintf(t, "| %s\t| %s\t| %s\t| %s\t| %s\t|\n", a.name, r.As, ready, r.Seen, text)
		if !ok && slices.Contains(names(judged), a.name) {
			wrong = append(wrong, a.name+": "+r.Wrong)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("these are not as they must be:\n%s", strings.Join(wrong, "\n"))
	}
	return nil
}
