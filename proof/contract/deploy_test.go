package contract

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var wayOut = regexp.MustCompile(`(?m)^\| ([a-z]+) \|( yes)? \|( yes)? \|( yes)? \|( yes)? \|$`)

// TestEachFunctionsWayOut: docs/deploy.md tells whom each function reaches, which
// decides what a network must let through.
func TestEachFunctionsWayOut(t *testing.T) {
	tmpl := loadTemplate(t)
	told := map[string]string{}
	for _, m := range wayOut.FindAllStringSubmatch(read(t, "docs/deploy.md"), -1) {
		told[m[1]] = strings.Join(m[2:], ",")
	}
	wanted := map[string]string{}
	for name, f := range tmpl.functions() {
		said := func(reaches bool) string {
			if reaches {
				return " yes"
			}
			return ""
		}
		actions := ""
		for _, statement := range statements(tmpl.role(f)) {
			if statement.At("Fn::If").Value == nil { // what a parameter brings is told beside the table
				actions += fmt.Sprint(statement.Value)
			}
		}
		wanted[name] = strings.Join([]string{
			said(f.At("Properties", "Environment", "Variables", "E2B_API_URL").Value != nil),
			said(strings.Contains(actions, "sqs:")), said(strings.Contains(actions, "secretsmanager:")), said(strings.Contains(actions, " s3:") || strings.Contains(actions, "[s3:")),
		}, ",")
	}
	for name := range wanted {
		if told[name] != wanted[name] {
			t.Errorf("docs/deploy.md tells of %s %q, want %q (E2B, SQS, Secrets Manager, S3)", name, told[name], wanted[name])
		}
	}
	for name := range told {
		if _, ok := wanted[name]; !ok {
			t.Errorf("docs/deploy.md tells of %s, which is no function", name)
		}
	}
}

// TestTheQuotasToldAreTheTemplates: what docs/deploy.md says that stages reserve
// and take is what samconfig.toml has.
func TestTheQuotasToldAreTheTemplates(t *testing.T) {
	text, dev, prod := read(t, "docs/deploy.md"), overrides(t, "default"), overrides(t, "prod")
	for _, said := range []string{
		fmt.Sprintf("%s build turns, %s pause batches", dev["BuildConcurrency"], dev["PauseConcurrency"]),
		fmt.Sprintf("(%s resume, %s wake, %s reconcile)", prod["ResumeConcurrency"], prod["WakeConcurrency"], prod["ReconcileConcurrency"]),
	} {
		if !strings.Contains(text, said) {
			t.Errorf("docs/deploy.md does not say %q", said)
		}
	}
}
