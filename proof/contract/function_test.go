package contract

import (
	"regexp"
	"strings"
	"testing"
)

// mostMetrics is how many metrics CloudWatch adds up in one alarm.
const mostMetrics = 10

// TestNothingOfAFunctionIsForgotten: what a function needs in template.yaml beside
// its own block, and what a block needs that nothing asks for by itself. Whoever
// adds one is told each place.
func TestNothingOfAFunctionIsForgotten(t *testing.T) {
	tmpl := loadTemplate(t)
	dashboard := tmpl.At("Resources", "Dashboard", "Properties", "DashboardBody", "Fn::Sub").Text()
	for id, f := range tmpl.ofType("AWS::Serverless::Function") {
		name := strings.ToLower(strings.TrimSuffix(id, "Function"))
		group := f.At("Properties", "LoggingConfig", "LogGroup").Resource()
		switch logs := tmpl.At("Resources", group); {
		case logs.At("Type").Text() != "AWS::Logs::LogGroup" || logs.At("Properties", "RetentionInDays").Value == nil:
			t.Errorf("%s has no log group that forgets", id)
		case !may(tmpl.role(f), "logs:PutLogEvents", group):
			t.Errorf("%s may not write its log", id)
		}
		if f.At("Properties", "Description").Text() == "" {
			t.Errorf("%s does not say what it does", id)
		}
		if alarms := adding(tmpl, "Throttles", id, name); len(alarms) != 1 {
			t.Errorf("Throttles of %s are told by the alarms %v, want one", id, alarms)
		}
		own := strings.TrimSuffix(id, "Function") + "ErrorsAlarm"
		if alarm := tmpl.At("Resources", own, "Properties"); alarm.At("MetricName").Text() != "Errors" || len(alarm.At("Dimensions").List()) != 1 ||
			alarm.At("Dimensions").List()[0].At("Value").Resource() != id {
			t.Errorf("%s tells of no errors of %s: who is paged would not know which function fails", own, id)
		}
		for _, metric := range []string{"Invocations", "Errors", "Duration"} {
			if !strings.Contains(dashboard, `"AWS/Lambda", "`+metric+`", "FunctionName", "${`+id+`}"`) {
				t.Errorf("the dashboard does not show %s of %s", metric, id)
			}
		}
	}
	for id, a := range tmpl.ofType("AWS::CloudWatch::Alarm") {
		if n := len(a.At("Properties", "Metrics").List()); n > mostMetrics {
			t.Errorf("%s has %d metrics, CloudWatch takes %d: begin another", id, n, mostMetrics)
		}
	}
}

// adding are the alarms that add a function's metric to their sum.
func adding(tmpl templateFile, metric, function, name string) (found []string) {
	for id, a := range tmpl.ofType("AWS::CloudWatch::Alarm") {
		sum, has := "", false
		for _, m := range a.At("Properties", "Metrics").List() {
			sum += m.At("Expression").Text()
			of := m.At("MetricStat", "Metric")
			for _, d := range of.At("Dimensions").List() {
				has = has || of.At("MetricName").Text() == metric && d.At("Value").Resource() == function && m.At("Id").Text() == name
			}
		}
		if has && regexp.MustCompile(`FILL\(`+name+`, 0\)`).MatchString(sum) {
			found = append(found, id)
		}
	}
	return found
}
