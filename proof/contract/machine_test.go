package contract

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFunctionsRunAsTheyAreBuilt: by the Makefile, for one processor, and seen: what their
// lines and Lambda's own say is what alarms and saved queries read.
func TestFunctionsRunAsTheyAreBuilt(t *testing.T) {
	tmpl := loadTemplate(t)
	global := tmpl.At("Globals", "Function")
	for key, want := range map[string]string{"Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": "arm64", "Tracing": "Active"} {
		if got := global.At(key).Text(); got != want {
			t.Errorf("functions have the %s %q, want %q", key, got, want)
		}
	}
	_, recipe, _ := strings.Cut(read(t, "Makefile"), "build-%Function:")
	if !strings.Contains(recipe, "GOOS=linux GOARCH="+global.At("Architectures").Text()+" ") {
		t.Error("the Makefile builds for another processor")
	}
	logging := global.At("LoggingConfig")
	if logging.At("LogFormat").Text() != "JSON" || logging.At("ApplicationLogLevel").Text() != "DEBUG" || logging.At("SystemLogLevel").Text() != "INFO" {
		t.Errorf("Lambda drops lines that are asked for: %v", logging.Value)
	}
	if vpc := global.At("VpcConfig", "Fn::If").List(); len(vpc) != 3 || vpc[0].Text() != "InVpc" || !vpc[2].Absent() {
		t.Errorf("functions are in a VPC by %v", vpc)
	}
	if !global.At("PropagateTags").Flag() || !tmpl.At("Globals", "HttpApi", "PropagateTags").Flag() {
		t.Error("what SAM makes of a function or of the API has no tags")
	}
	for name, f := range tmpl.functions() {
		p := f.At("Properties")
		if f.At("Metadata", "BuildMethod").Text() != "makefile" || p.At("CodeUri").Text() != "." {
			t.Errorf("%s is not built by the Makefile, whose flags make it the same each time", name)
		}
		if p.At("Timeout").Number() == 0 || p.At("MemorySize").Number() == 0 {
			t.Errorf("%s has Lambda's own time-out or memory", name)
		}
		for _, key := range []string{"Runtime", "Architectures", "Handler", "Tracing", "VpcConfig", "Layers", "SnapStart", "EphemeralStorage"} {
			if own := p.At(key); own.Value != nil {
				t.Errorf("%s has a %s of its own", name, key)
			}
		}
		if queue, ok := tmpl.event(f, "SQS"); ok && queue.At("MetricsConfig", "Metrics").Text() != "EventCount" {
			t.Errorf("nobody sees what %s's queue gives it", name)
		}
	}
}

// TestReconcileRunsEveryMinute: a run that fails is not repeated into the next one.
func TestReconcileRunsEveryMinute(t *testing.T) {
	tmpl := loadTemplate(t)
	f := tmpl.functions()["reconcile"]
	schedule, _ := tmpl.event(f, "ScheduleV2")
	if got := schedule.At("ScheduleExpression").Text(); got != "rate(1 minute)" {
		t.Errorf("reconcile runs at %q: every bound of docs/lifecycle.md counts its minutes", got)
	}
	for what, retry := range map[string]node{"the schedule": schedule.At("RetryPolicy"), "Lambda": f.At("Properties", "EventInvokeConfig")} {
		if retry.At("MaximumRetryAttempts").Value != 0 || retry.At("MaximumEventAgeInSeconds").Number() != 60 {
			t.Errorf("%s repeats a run of reconcile: %v", what, retry.Value)
		}
	}
}

var (
	asked = regexp.MustCompile(`\b[a-z]+_[a-z]+\b|\broute\b|\bstatus\b|\bip\b`)
	field = regexp.MustCompile(`"([a-z_]+)":"\$context\.`)
)

// TestTheAccessLogHasWhatIsAsked: each field that a saved query or the runbook asks the API's
// log for, and why a call was refused before a function saw it.
func TestTheAccessLogHasWhatIsAsked(t *testing.T) {
	tmpl := loadTemplate(t)
	var has []string
	for _, m := range field.FindAllStringSubmatch(tmpl.At("Resources", "Api", "Properties", "AccessLogSettings", "Format").Text(), -1) {
		has = append(has, m[1])
	}
	wanted := []string{"timestamp", "request_id", "user", "error", "authorizer_error", "integration_error", "ip"}
	for _, q := range tmpl.ofType("AWS::Logs::QueryDefinition") {
		if groups := q.At("Properties", "LogGroupNames").List(); len(groups) == 1 && groups[0].Resource() == "ApiLogs" {
			wanted = append(wanted, asked.FindAllString(q.At("Properties", "QueryString").Text(), -1)...)
		}
	}
	for _, name := range wanted {
		if !slices.Contains(has, name) {
			t.Errorf("the access log has no %s", name)
		}
	}
}

// TestEachAlarmTellsItsEnd: to whom it told its beginning.
func TestEachAlarmTellsItsEnd(t *testing.T) {
	tmpl := loadTemplate(t)
	stores := templateFile{parseYAML(t, read(t, "infra/stores.yaml"))}
	for _, file := range []templateFile{tmpl, stores} {
		for _, kind := range []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"} {
			for id, a := range file.ofType(kind) {
				begins, ends := a.At("Properties", "AlarmActions"), a.At("Properties", "OKActions")
				if len(begins.List()) == 0 || fmt.Sprint(begins.Value) != fmt.Sprint(ends.Value) {
					t.Errorf("%s tells %v when it rings and %v when it is over", id, begins.Value, ends.Value)
				}
			}
		}
	}
}
