package contract

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var rings = regexp.MustCompile(`ALARM\("\$\{(\w+)\}"\)`)

// TestEachAlarmPagesOrInforms: what its description says of it is what PageAlarm
// does; that pages once, whatever rings.
func TestEachAlarmPagesOrInforms(t *testing.T) {
	tmpl := loadTemplate(t)
	var paging, said []string
	rule := tmpl.At("Resources", "PageAlarm", "Properties", "AlarmRule", "Fn::Sub").Text()
	for _, m := range rings.FindAllStringSubmatch(rule, -1) {
		paging = append(paging, m[1])
	}
	if len(rule) > 10240 || len(paging) > 100 || strings.Count(rule, " OR\n") != len(paging)-1 {
		t.Errorf("PageAlarm has %d alarms in %d letters: CloudWatch takes 100 in 10,240", len(paging), len(rule))
	}
	for id, a := range tmpl.ofType("AWS::CloudWatch::Alarm") {
		switch text := a.At("Properties", "AlarmDescription").Text(); {
		case strings.HasPrefix(text, "Pages. "):
			said = append(said, id)
		case !strings.HasPrefix(text, "Informs. "):
			t.Errorf("%s does not say whether it pages or informs", id)
		}
	}
	agree(t, "alarms of PageAlarm", paging, said)
	for _, id := range []string{"LatePausesAlarm", "OrphansAlarm", "IdleAlarm", "FailedShareAlarm", "PauseQueueAgeAlarm"} {
		if !slices.Contains(paging, id) {
			t.Errorf("%s pages nobody", id)
		}
	}
	topic := tmpl.At("Resources", "PageAlarm", "Properties", "AlarmActions").List()[0].At("Fn::If").List()
	if len(topic) != 3 || topic[1].Resource() != "PageTopicArn" || !strings.Contains(strings.Join(topic[2].At("Fn::If").List()[1].Keys(), ""), "Ref") {
		t.Errorf("PageAlarm tells %v", topic)
	}
}

var (
	savedQuery = regexp.MustCompile(`saved query "([^"]+)"`)
	message    = regexp.MustCompile(`message = "([a-z ]+)"`)
)

// TestSavedQueriesAskWhatIsWritten: each that a document names is there, and each is
// named; what it looks for is a line that a function writes; those over all functions
// are over all of them.
func TestSavedQueriesAskWhatIsWritten(t *testing.T) {
	tmpl, code := loadTemplate(t), sources(t)
	var saved, named, groups []string
	for _, f := range tmpl.functions() {
		groups = append(groups, f.At("Properties", "LoggingConfig", "LogGroup").Resource())
	}
	for id, q := range tmpl.ofType("AWS::Logs::QueryDefinition") {
		name, ok := strings.CutPrefix(q.At("Properties", "Name", "Fn::Sub").Text(), "${AWS::StackName}/")
		if !ok {
			t.Errorf("%s would be in the way of another stack's", id)
		}
		saved = append(saved, name)
		text := q.At("Properties", "QueryString").Text()
		for _, m := range message.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(code, `, "`+m[1]+`"`) {
				t.Errorf("%s asks for lines with the message %q, and no function writes one", id, m[1])
			}
		}
		var of []string
		for _, g := range q.At("Properties", "LogGroupNames").List() {
			of = append(of, g.Resource())
		}
		if len(of) > 2 { // more than who shares one question
			agree(t, "log groups of "+id, of, groups)
		}
		if len(of) > 50 {
			t.Errorf("%s is over %d log groups: Logs Insights takes 50", id, len(of))
		}
	}
	for _, document := range []string{"docs/runbook.md", "docs/monitoring.md"} {
		for _, m := range savedQuery.FindAllStringSubmatch(read(t, document), -1) {
			if !slices.Contains(named, m[1]) {
				named = append(named, m[1])
			}
		}
	}
	agree(t, "saved queries that documents name", named, saved)
}
