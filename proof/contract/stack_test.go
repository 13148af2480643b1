package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"siesta/local/stack"
)

// TestWhatCannotBeMadeAgainIsKept: a message may be all that there is of its
// job, and without its key nobody opens the users' values.
func TestWhatCannotBeMadeAgainIsKept(t *testing.T) {
	tmpl := loadTemplate(t)
	for _, kind := range []string{"AWS::SQS::Queue", "AWS::SecretsManager::Secret"} {
		for id, r := range tmpl.ofType(kind) {
			for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
				if got := r.At(policy).Text(); got != "Retain" && got != "RetainExceptOnCreate" {
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
			if parts := s.At("Fn::If").List(); len(parts) == 3 {
				condition, s = parts[0].Text(), parts[1]
			}
			switch s.At("Action").Text() {
			case "secretsmanager:GetSecretValue":
				reads["SecretsKeyArn"] = true
			case "s3:GetObject":
				if condition == "HasSourceBucket" {
					reads["SourceBucketKeyArn"] = true
				}
			case "kms:Decrypt":
				key := s.At("Resource").Resource()
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
	bound := tmpl.functions()["resume"].At("Properties", "ReservedConcurrentExecutions", "Fn::If").List()
	if len(bound) != 3 || bound[0].Text() != "IsDev" || !bound[1].Absent() || bound[2].Resource() != "ResumeConcurrency" {
		t.Errorf("resume has the bound %v, want ResumeConcurrency outside dev", bound)
	}
}

// TestUsersOfTheCacheAreThoseOfTheTests: what infra/stores.yaml lets its users do is
// what the functions of every test of the whole system may do, and which of them only
// read is what the template says.
func TestUsersOfTheCacheAreThoseOfTheTests(t *testing.T) {
	stores := parseYAML(t, read(t, "infra/stores.yaml"))
	for id, user := range map[string]string{"CacheUser": "siesta_functions", "CacheReader": "siesta_reader"} {
		want := "on " + strings.Join(stack.Rules[user], " ")
		if got := stores.At("Resources", id, "Properties", "AccessString").Text(); got != want {
			t.Errorf("infra/stores.yaml, %s:\n%s\nwant\n%s", id, got, want)
		}
	}
	tmpl := loadTemplate(t)
	for name, f := range tmpl.functions() {
		user := "siesta_functions"
		for _, policy := range tmpl.role(f).At("Properties", "ManagedPolicyArns").List() {
			if policy.Resource() == "ReaderPolicy" {
				user = "siesta_reader"
			}
		}
		if name == "migrate" {
			user = ""
		}
		if got := stack.UserOf(name); got != user {
			t.Errorf("template.yaml gives %s the rights of %q, tests those of %q", name, user, got)
		}
	}
}

// TestTwoStacksLiveSideBySide: a schedule's name is the account's and the
// region's, and the one that SAM gives by itself is the same in each stack.
func TestTwoStacksLiveSideBySide(t *testing.T) {
	tmpl := loadTemplate(t)
	schedules := 0
	for name, f := range tmpl.functions() {
		events := f.At("Properties", "Events")
		for _, id := range events.Keys() {
			if events.At(id, "Type").Text() != "ScheduleV2" {
				continue
			}
			schedules++
			p := events.At(id, "Properties")
			if p.At("OmitName").Value != true && !strings.Contains(p.At("Name", "Fn::Sub").Text(), "${AWS::StackName}") {
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
	for _, s := range tmpl.At("Resources", "RuntimePolicy", "Properties", "PolicyDocument", "Statement").List() {
		if condition := s.At("Fn::If").List(); len(condition) == 3 && condition[0].Text() == "InVpc" {
			s = condition[1]
			actions[s.At("Effect").Text()] = fmt.Sprint(s.At("Action").Value)
			own := s.At("Condition", "ArnLike", "lambda:SourceFunctionArn", "Fn::Sub").Text()
			if deny := s.At("Effect").Text() == "Deny"; deny != strings.HasSuffix(own, ":function:*") {
				t.Errorf("%s for the functions %q", s.At("Effect").Text(), own)
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
	for _, group := range tmpl.At("Metadata", "AWS::CloudFormation::Interface", "ParameterGroups").List() {
		for _, p := range group.At("Parameters").List() {
			if slices.Contains(grouped, p.Text()) {
				t.Errorf("%s is in two groups", p.Text())
			}
			grouped = append(grouped, p.Text())
		}
	}
	agree(t, "parameter groups of template.yaml", grouped, tmpl.At("Parameters").Keys())
}
