package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestWhatCannotBeMadeAgainIsKept: a message may be all that there is of its
// job, and without its key nobody opens the users' values.
func TestWhatCannotBeMadeAgainIsKept(t *testing.T) {
	tmpl := loadTemplate(t)
	for _, kind := range []string{"AWS::SQS::Queue", "AWS::SecretsManager::Secret"} {
		for id, r := range tmpl.ofType(kind) {
			for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
				if got := r.at(policy).text(); got != "Retain" && got != "RetainExceptOnCreate" {
					t.Errorf("%s: %s is %q, want it kept", id, policy, got)
				}
			}
		}
	}
}

// TestWhatACustomersKeyClosesIsOpened: who may read a secret or a source
// archive may also use the key that it may be encrypted with.
func TestWhatACustomersKeyClosesIsOpened(t *testing.T) {
	tmpl := loadTemplate(t)
	for name, f := range tmpl.functions() {
		reads, opens := map[string]bool{}, map[string]bool{} // by the key's parameter
		for _, s := range statements(tmpl.role(f)) {
			condition := ""
			if parts := s.at("Fn::If").list(); len(parts) == 3 {
				condition, s = parts[0].text(), parts[1]
			}
			switch s.at("Action").text() {
			case "secretsmanager:GetSecretValue":
				reads["SecretsKeyArn"] = true
			case "s3:GetObject":
				reads["SourceBucketKeyArn"] = true
			case "kms:Decrypt":
				key := s.at("Resource").resource()
				opens[key] = condition == "Has"+strings.TrimSuffix(key, "Arn")
			}
		}
		if !maps.Equal(reads, opens) {
			t.Errorf("%s reads what is closed by %v, and may use %v", name, reads, opens)
		}
	}
}

// TestASlowE2BStarvesNobody: what waits for E2B has a bound of its own, since
// the rate that the gateway lets through is none.
func TestASlowE2BStarvesNobody(t *testing.T) {
	tmpl := loadTemplate(t)
	bound := tmpl.functions()["resume"].at("Properties", "ReservedConcurrentExecutions", "Fn::If").list()
	if len(bound) != 3 || bound[0].text() != "IsDev" || !bound[1].absent() || bound[2].resource() != "ResumeConcurrency" {
		t.Errorf("resume has the bound %v, want ResumeConcurrency outside dev", bound)
	}
}

// TestTwoStacksLiveSideBySide: a schedule's name is the account's and the
// region's, and the one that SAM gives by itself is the same in each stack.
func TestTwoStacksLiveSideBySide(t *testing.T) {
	tmpl := loadTemplate(t)
	schedules := 0
	for name, f := range tmpl.functions() {
		events := f.at("Properties", "Events")
		for _, id := range events.keys() {
			if events.at(id, "Type").text() != "ScheduleV2" {
				continue
			}
			schedules++
			p := events.at(id, "Properties")
			if p.at("OmitName").v != true && !strings.Contains(p.at("Name", "Fn::Sub").text(), "${AWS::StackName}") {
				t.Errorf("%s: the schedule %s has the same name in each stack", name, id)
			}
		}
	}
	if schedules == 0 {
		t.Error("no schedule found")
	}
}

// TestNetworkInterfacesAreLambdasAlone: the rights to make and delete them hold
// for Lambda, and not for the code of a function.
func TestNetworkInterfacesAreLambdasAlone(t *testing.T) {
	tmpl := loadTemplate(t)
	actions := map[string]string{} // by effect
	for _, s := range tmpl.at("Resources", "RuntimePolicy", "Properties", "PolicyDocument", "Statement").list() {
		if condition := s.at("Fn::If").list(); len(condition) == 3 && condition[0].text() == "InVpc" {
			s = condition[1]
			actions[s.at("Effect").text()] = fmt.Sprint(s.at("Action").v)
			own := s.at("Condition", "ArnLike", "lambda:SourceFunctionArn", "Fn::Sub").text()
			if deny := s.at("Effect").text() == "Deny"; deny != strings.HasSuffix(own, ":function:*") {
				t.Errorf("%s for the functions %q", s.at("Effect").text(), own)
			}
		}
	}
	if actions["Allow"] == "" || actions["Allow"] != actions["Deny"] {
		t.Errorf("allowed: %s, denied to the functions' code: %s", actions["Allow"], actions["Deny"])
	}
}

// TestEveryParameterHasItsGroup: the console asks for each of them, once.
func TestEveryParameterHasItsGroup(t *testing.T) {
	tmpl := loadTemplate(t)
	var grouped []string
	for _, group := range tmpl.at("Metadata", "AWS::CloudFormation::Interface", "ParameterGroups").list() {
		for _, p := range group.at("Parameters").list() {
			if slices.Contains(grouped, p.text()) {
				t.Errorf("%s is in two groups", p.text())
			}
			grouped = append(grouped, p.text())
		}
	}
	agree(t, "parameter groups of template.yaml", grouped, tmpl.at("Parameters").keys())
}
