package contract

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/metrics"
)

// mostPaid bounds what metrics cost: CloudWatch bills each by the month.
const mostPaid = 60

var (
	constant = regexp.MustCompile(`(?m)^\t(\w+) +Name = "([a-z_]+)"`)
	ends     = regexp.MustCompile(`\.enter\(ctx, "([a-z]+)"`)
	metricOf = regexp.MustCompile(`\| ([a-z0-9_]+(?:, [a-z0-9_]+)*) \|`)
)

// sources is the text of all that is deployed.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"functions/*/*.go", "shared/*/*.go", "shared/postgres/*/*.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if name, _ := filepath.Rel(root, file); !strings.HasSuffix(name, "_test.go") {
				all.WriteString(read(t, name))
			}
		}
	}
	return all.String()
}

// emitted are the metrics that the functions write, by what their sources count.
func emitted(t *testing.T) (names []string) {
	t.Helper()
	code := sources(t)
	for _, m := range constant.FindAllStringSubmatch(read(t, "shared/metrics/names.go"), -1) {
		if !regexp.MustCompile(`metrics\.`+m[1]+`\b`).MatchString(code) && m[1] != "ColdStarts" {
			t.Errorf("no function counts %s", m[2])
		}
		names = append(names, m[2])
	}
	stages := []string{string(job.Scaffold), string(job.Code), string(job.Deps)} // which end by the name of the status
	for _, m := range ends.FindAllStringSubmatch(code, -1) {
		if !slices.Contains(stages, m[1]) {
			stages = append(stages, m[1])
		}
	}
	for _, stage := range stages {
		names = append(names, string(metrics.Stage(stage)))
	}
	for _, op := range []e2b.Op{e2b.OpCreate, e2b.OpGet, e2b.OpList, e2b.OpConnect, e2b.OpPause, e2b.OpKill} {
		names = append(names, string(metrics.Call(string(op))), string(metrics.Refused(string(op))), string(metrics.Unanswered(string(op))))
	}
	return names
}

// TestEveryMetricIsShownAndExplained: what is paid for is on the dashboard and in
// docs/monitoring.md, and nothing else is; an alarm is of a metric that there is.
func TestEveryMetricIsShownAndExplained(t *testing.T) {
	names := emitted(t)
	if len(names) > mostPaid {
		t.Errorf("%d metrics, want %d at the most", len(names), mostPaid)
	}
	said := fmt.Sprintf("all %d, every hour of the month, are %.2f", len(names), float64(len(names))*0.3)
	if !strings.Contains(read(t, "docs/monitoring.md"), said) {
		t.Errorf("docs/monitoring.md does not say %q", said)
	}
	var told, drawn []string
	for _, m := range metricOf.FindAllStringSubmatch(read(t, "docs/monitoring.md"), -1) {
		if m[1] != "metric" {
			told = append(told, strings.Split(m[1], ", ")...)
		}
	}
	agree(t, "metrics of docs/monitoring.md", told, names)
	for i, w := range widgets(t) {
		for _, m := range w.Properties.Metrics {
			space, name := m[0].(string), m[1].(string)
			if !strings.HasPrefix(space, "Siesta/") {
				continue
			}
			if space != "Siesta/${AWS::StackName}" {
				t.Errorf("widget %d is of the namespace %s", i, space)
			}
			if !slices.Contains(drawn, name) {
				drawn = append(drawn, name)
			}
		}
	}
	agree(t, "metrics on the dashboard", drawn, names)
	for id, a := range loadTemplate(t).ofType("AWS::CloudWatch::Alarm") {
		for _, m := range append(a.At("Properties", "Metrics").List(), a.At("Properties")) {
			if stat := m.At("MetricStat", "Metric"); stat.Value != nil {
				m = stat
			}
			name := m.At("MetricName").Text()
			if name == "" || strings.HasPrefix(m.At("Namespace").Text(), "AWS/") {
				continue
			}
			if m.At("Namespace", "Fn::Sub").Text() != "Siesta/${AWS::StackName}" || !slices.Contains(names, name) || m.At("Dimensions").Value != nil {
				t.Errorf("%s is of %s, which no function writes so", id, name)
			}
		}
	}
	namespace := loadTemplate(t).At("Globals", "Function", "Environment", "Variables", "METRICS_NAMESPACE", "Fn::Sub").Text()
	if namespace != "Siesta/${AWS::StackName}" {
		t.Errorf("functions write to %q, and nobody looks there", namespace)
	}
}

type widget struct {
	X, Y, Width, Height int
	Properties          struct {
		Title   string
		Metrics [][]any
	}
}

func widgets(t *testing.T) []widget {
	t.Helper()
	var body struct{ Widgets []widget }
	text := loadTemplate(t).At("Resources", "Dashboard", "Properties", "DashboardBody", "Fn::Sub").Text()
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatalf("the dashboard is no JSON: %v", err)
	}
	return body.Widgets
}

// TestTheProductComesFirst: what users feel is above what the machine does, and no
// widget covers another.
func TestTheProductComesFirst(t *testing.T) {
	lastProduct, firstMachine := 0, 1<<30
	taken := map[[2]int]string{}
	for _, w := range widgets(t) {
		if strings.HasPrefix(w.Properties.Metrics[0][0].(string), "Siesta/") {
			lastProduct = max(lastProduct, w.Y)
		} else {
			firstMachine = min(firstMachine, w.Y)
		}
		for x := w.X; x < w.X+w.Width; x++ {
			for y := w.Y; y < w.Y+w.Height; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s covers %s", w.Properties.Title, other)
				}
				taken[[2]int{x, y}] = w.Properties.Title
			}
		}
	}
	if lastProduct >= firstMachine {
		t.Errorf("the product goes down to row %d, and the machine begins at %d", lastProduct, firstMachine)
	}
}
