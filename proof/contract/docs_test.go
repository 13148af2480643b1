package contract

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	webAddress = regexp.MustCompile(`\w+://\S+`)
	link       = regexp.MustCompile(`\]\(([^)#\s]+)`)
	// mention is a path of the checkout in running text; a * stands for any name.
	mention = regexp.MustCompile("(?:^|[\\s`(\"'=])((?:functions|shared|local|proof|docs|events|examples|infra|web|\\.ci)/[\\w./*-]*|[\\w-]+\\.md|template\\.yaml|openapi\\.yaml|samconfig\\.toml)")
)

// makes is a make command in a code span or at the start of a line, target a
// line of the Makefile that makes it.
var (
	makes  = regexp.MustCompile("(?m)(?:`|^)make ([a-z][a-z0-9-]*)")
	target = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// TestDocumentsNameWhatExists: a path in a document is there, be it a link or
// in running text, and so is a target of make.
func TestDocumentsNameWhatExists(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	for _, document := range documents(t) {
		name, _ := filepath.Rel(root, document)
		text := webAddress.ReplaceAllString(read(t, name), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if !exists(filepath.Join(filepath.Dir(document), m[1])) {
				t.Errorf("%s has a link to %s, which is not there", name, m[1])
			}
		}
		for _, m := range mention.FindAllStringSubmatch(text, -1) {
			path := strings.TrimRight(m[1], ".")
			if !exists(filepath.Join(root, path)) && !exists(filepath.Join(filepath.Dir(document), path)) {
				t.Errorf("%s names %s, which is not there", name, path)
			}
		}
		for _, m := range makes.FindAllStringSubmatch(text, -1) {
			if !targets[m[1]] {
				t.Errorf("%s names make %s, which the Makefile has not", name, m[1])
			}
		}
	}
}

func documents(t *testing.T) []string {
	t.Helper()
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md", "local/*/README.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	return documents
}

func exists(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

var heading = regexp.MustCompile(`(?m)^## (\w+Alarm)$`)

// pageOf is the section of docs/runbook.md for an alarm: those of errors, of which each
// function has one, share theirs, and so do those of throttles.
func pageOf(alarm string) string {
	switch {
	case strings.HasSuffix(alarm, "ErrorsAlarm") && alarm != "ApiErrorsAlarm":
		return "FunctionErrorsAlarm"
	case strings.HasSuffix(alarm, "ThrottlesAlarm"):
		return "FunctionThrottlesAlarm"
	}
	return alarm
}

// TestEveryAlarmHasItsPage: docs/runbook.md has one section for each alarm, of
// template.yaml and of infra/stores.yaml, and
// each queue for dead letters has an alarm.
func TestEveryAlarmHasItsPage(t *testing.T) {
	tmpl, stores := loadTemplate(t), templateFile{parseYAML(t, read(t, "infra/stores.yaml"))}
	var alarms, sections []string
	watched := map[string]bool{}
	all := tmpl.ofType("AWS::CloudWatch::Alarm")
	maps.Copy(all, stores.ofType("AWS::CloudWatch::Alarm"))
	maps.Copy(all, tmpl.ofType("AWS::CloudWatch::CompositeAlarm"))
	for id, a := range all {
		if page := pageOf(id); !slices.Contains(alarms, page) {
			alarms = append(alarms, page)
		}
		for _, d := range a.At("Properties", "Dimensions").List() {
			watched[d.At("Value").Resource()] = true
		}
		if a.At("Properties", "TreatMissingData").Text() == "" && a.At("Properties", "AlarmRule").Value == nil || a.At("Properties", "AlarmActions").Value == nil {
			t.Errorf("%s does not say what missing data mean, or whom it tells", id)
		}
		if !strings.Contains(a.At("Properties", "AlarmDescription").Text(), "docs/runbook.md, "+pageOf(id)+".") {
			t.Errorf("%s does not name its section of docs/runbook.md", id)
		}
	}
	for _, m := range heading.FindAllStringSubmatch(read(t, "docs/runbook.md"), -1) {
		sections = append(sections, m[1])
	}
	agree(t, "sections of docs/runbook.md", sections, alarms)
	for id := range tmpl.ofType("AWS::SQS::Queue") {
		if !watched[id] {
			t.Errorf("no alarm watches %s", id)
		}
	}
}

var query = regexp.MustCompile("`filter ([a-z_]+) = \"([a-z ]+)\"")

// TestQueriesFindLines: a line that docs/runbook.md asks CloudWatch for by its
// message is one that a function writes.
func TestQueriesFindLines(t *testing.T) {
	var source strings.Builder
	files, err := filepath.Glob(filepath.Join(root, "functions", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	wakes, err := filepath.Glob(filepath.Join(root, "shared", "wake", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, wakes...) {
		if name, _ := filepath.Rel(root, file); !strings.HasSuffix(name, "_test.go") {
			source.WriteString(read(t, name))
		}
	}
	found := query.FindAllStringSubmatch(read(t, "docs/runbook.md"), -1)
	if len(found) == 0 {
		t.Fatal("no query found")
	}
	for _, m := range found {
		if m[1] != "message" || !strings.Contains(source.String(), ", \""+m[2]+"\"") {
			t.Errorf("docs/runbook.md asks for lines with %s = %q, and no function writes one", m[1], m[2])
		}
	}
}

// TestDurationAlarmsCanRing: a function ends by itself, or is ended, after its
// threshold; reconcile's comes before the next run is due.
func TestDurationAlarmsCanRing(t *testing.T) {
	tmpl := loadTemplate(t)
	alarms := tmpl.ofType("AWS::CloudWatch::Alarm")
	for name, f := range tmpl.functions() {
		for id, a := range alarms {
			if !strings.EqualFold(id, name+"DurationAlarm") {
				continue
			}
			limit := f.At("Properties", "Timeout").Number() * 1000
			if name == "reconcile" {
				limit = 60_000
			}
			if got := a.At("Properties", "Threshold").Number(); got <= 0 || got >= limit {
				t.Errorf("%s rings at %d ms, want less than %d", id, got, limit)
			}
		}
	}
}
