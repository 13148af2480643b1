package contract

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"siesta/local/stack"
)

// TestWhatCannotBeMadeAgainIsKept: a message may be all that there is of its
// job, and without its key nobody opens the users' values.
func TestWhatCannotBeMadeAgainIsKept(t *testing.T) {
	tmpl := loadTemplate(t)
	for _, kind := range []string{"AWS::SQS::Queue", "AWS::SecretsManager::Secret", "AWS::S3::Bucket"} {
		for id, r := range tmpl.ofType(kind) {
			if deleted, replaced := r.At("DeletionPolicy").Text(), r.At("UpdateReplacePolicy").Text(); deleted != "RetainExceptOnCreate" || replaced != "Retain" {
				t.Errorf("%s: deleted: %q, replaced: %q, want it kept, unless the stack was never made", id, deleted, replaced)
			}
		}
	}
}

// TestAFirstDeploymentThatFailsLeavesItsLogAlone: what a stack keeps although it
// was never made would be in the way of the next try. The log of the one function
// that runs by then says why it failed.
func TestAFirstDeploymentThatFailsLeavesItsLogAlone(t *testing.T) {
	tmpl := loadTemplate(t)
	var left []string
	for _, id := range tmpl.At("Resources").Keys() {
		if tmpl.At("Resources", id, "DeletionPolicy").Text() == "Retain" {
			left = append(left, id)
		}
	}
	agree(t, "resources that stay whatever happens", left, []string{"MigrateLogs"})
	if name := tmpl.At("Resources", "MigrateLogs", "Properties", "LogGroupName"); name.Value != nil {
		t.Errorf("MigrateLogs stays, and is always called %v: the next try would find it there", name.Value)
	}
}

// TestNoNameMeansTwoThings: CloudFormation tells a parameter from a mapping, and
// not every tool does.
func TestNoNameMeansTwoThings(t *testing.T) {
	tmpl := loadTemplate(t)
	section := map[string]string{}
	for _, s := range []string{"Parameters", "Mappings", "Conditions", "Rules", "Resources"} {
		for _, id := range tmpl.At(s).Keys() {
			if other := section[id]; other != "" {
				t.Errorf("%s is of %s and of %s", id, other, s)
			}
			section[id] = s
		}
	}
}

// TestTheAPIsLogNeedsNoPolicyOfItsOwn: the account's policy for what AWS itself
// logs has 5,120 letters, and covers the groups below this prefix at once.
func TestTheAPIsLogNeedsNoPolicyOfItsOwn(t *testing.T) {
	name := loadTemplate(t).At("Resources", "ApiLogs", "Properties", "LogGroupName", "Fn::Sub").List()
	if len(name) != 2 || !strings.HasPrefix(name[0].Text(), "/aws/vendedlogs/") || !strings.Contains(name[0].Text(), "${Id}") {
		t.Errorf("ApiLogs is called %v", name)
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

// TestASlowE2BStarvesNobody: what waits for E2B can have a bound of its own, since
// the rate that the gateway lets through is none; and prod has them.
func TestASlowE2BStarvesNobody(t *testing.T) {
	prod := overrides(t, "prod")
	for _, name := range []string{"resume", "wake", "reconcile"} {
		parameter := strings.ToUpper(name[:1]) + name[1:] + "Concurrency"
		bound := loadTemplate(t).functions()[name].At("Properties", "ReservedConcurrentExecutions", "Fn::If").List()
		if len(bound) != 3 || bound[1].Resource() != parameter || !bound[2].Absent() {
			t.Errorf("%s has the bound %v, want %s", name, bound, parameter)
		}
		if prod[parameter] == "" || prod[parameter] == "0" {
			t.Errorf("samconfig.toml: prod leaves %s without a bound", name)
		}
	}
}

// TestAYoungAccountIsEnough: without a setting nothing is reserved, of which a new
// account has nothing to give; and the messages of stage dev leave the API some of
// its ten. What is reserved is off at 0.
func TestAYoungAccountIsEnough(t *testing.T) {
	const youngs = 10
	tmpl := loadTemplate(t)
	for name, f := range tmpl.functions() {
		bound := f.At("Properties", "ReservedConcurrentExecutions")
		if bound.Value == nil {
			continue
		}
		arms := bound.At("Fn::If").List()
		if len(arms) != 3 {
			t.Errorf("%s always reserves %v", name, bound.Value)
			continue
		}
		if got := tmpl.At("Parameters", arms[1].Resource(), "Default"); got.Value != 0 {
			t.Errorf("%s reserves %v by itself", name, got.Value)
		}
		zero := tmpl.At("Conditions", arms[0].Text(), "Fn::Not").List()
		if len(zero) != 1 || fmt.Sprint(zero[0].At("Fn::Equals").Value) != fmt.Sprintf("[map[Ref:%s] 0]", arms[1].Resource()) {
			t.Errorf("%s: 0 does not turn %s off", name, arms[1].Resource())
		}
	}
	dev, busy := overrides(t, "default"), 0
	for _, parameter := range []string{"BuildConcurrency", "PauseConcurrency"} {
		n, err := strconv.Atoi(dev[parameter])
		if err != nil {
			t.Errorf("samconfig.toml: dev has no %s: %v", parameter, err)
		}
		busy += n
	}
	if busy > youngs-3 {
		t.Errorf("samconfig.toml: %d of %d are dev's queues', which leaves too few for the API", busy, youngs)
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
