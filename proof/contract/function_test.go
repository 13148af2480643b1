package contract

import (
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
		// Who is told reads one alarm's name and description, and neither tells of a term in a sum.
		for _, metric := range []string{"Errors", "Throttles"} {
			own := strings.TrimSuffix(id, "Function") + metric + "Alarm"
			alarm := tmpl.At("Resources", own, "Properties")
			of := alarm.At("Dimensions").List()
			if alarm.At("MetricName").Text() != metric || len(of) != 1 || of[0].At("Value").Resource() != id ||
				!strings.Contains(alarm.At("AlarmDescription").Text(), " "+name+" function") {
				t.Errorf("%s does not tell of %s of %s, by its name", own, metric, id)
			}
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
