package contract

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestStoresAreClosed: what infra/stores.yaml makes is encrypted, reached by the
// functions alone, and never from outside.
func TestStoresAreClosed(t *testing.T) {
	stores := templateFile{parseYAML(t, read(t, "infra/stores.yaml"))}
	for id, r := range stores.ofType("AWS::RDS::DBInstance") {
		if r.At("Properties", "PubliclyAccessible").Value != false {
			t.Errorf("%s does not say that it is not public", id)
		}
	}
	database := stores.At("Resources", "Database", "Properties")
	if !database.At("StorageEncrypted").Flag() || !database.At("EnableIAMDatabaseAuthentication").Flag() || database.At("EnableCloudwatchLogsExports").Text() != "postgresql" {
		t.Error("the database is not encrypted, asks for passwords, or keeps no log")
	}
	if proxy := stores.At("Resources", "Proxy", "Properties"); !proxy.At("RequireTLS").Flag() || proxy.At("DefaultAuthScheme").Text() != "IAM_AUTH" {
		t.Error("the proxy takes connections without TLS, or logs on by a password")
	}
	for id, r := range stores.ofType("AWS::EC2::SecurityGroup") {
		for _, rule := range r.At("Properties", "SecurityGroupIngress").List() {
			if rule.At("SourceSecurityGroupId").Resource() == "" {
				t.Errorf("%s lets in what is no group of the stack: %v", id, rule.Value)
			}
		}
	}
	var out []string
	for _, rule := range stores.At("Resources", "FunctionGroup", "Properties", "SecurityGroupEgress").List() {
		to := rule.At("CidrIp").Text()
		if to == "" && rule.At("CidrIp").Resource() == "Vpc" {
			to = "inside"
		}
		out = append(out, fmt.Sprintf("%d-%d %s", rule.At("FromPort").Number(), rule.At("ToPort").Number(), to))
	}
	if port := database.At("Port").Number(); port != 5432 { // CloudFormation's own default is another engine's
		t.Errorf("the database listens at port %d", port)
	}
	agree(t, "ways of the functions out", out, []string{"443-443 0.0.0.0/0", "5432-5432 inside", "6379-6380 inside"})
	if len(stores.ofType("AWS::EC2::FlowLog")) == 0 {
		t.Error("nobody logs who talked to whom")
	}
}

// TestProductionOutlivesAZone: each private subnet has a way out in its own zone,
// and the database a second instance; and the stores have alarms.
func TestProductionOutlivesAZone(t *testing.T) {
	stores := templateFile{parseYAML(t, read(t, "infra/stores.yaml"))}
	zone := func(subnet node) string {
		return fmt.Sprint(stores.At("Resources", subnet.Resource(), "Properties", "AvailabilityZone").Value)
	}
	for _, side := range []struct{ association, route string }{{"PrivateAssociationA", "PrivateRoute"}, {"PrivateAssociationB", "PrivateRouteB"}} {
		route := stores.At("Resources", side.route, "Properties")
		table := stores.At("Resources", side.association, "Properties", "RouteTableId")
		if arms := table.At("Fn::If").List(); len(arms) == 3 && arms[0].Text() == "IsProduction" {
			table = arms[1]
		}
		nat := stores.At("Resources", route.At("NatGatewayId").Resource(), "Properties")
		inside := stores.At("Resources", side.association, "Properties", "SubnetId")
		if table.Resource() != route.At("RouteTableId").Resource() || zone(inside) != zone(nat.At("SubnetId")) {
			t.Errorf("%s leads to a way out in another zone", side.association)
		}
	}
	if got := stores.At("Resources", "DatabaseStandby", "Condition").Text(); got != "IsProduction" {
		t.Errorf("the second instance is there if %q", got)
	}
	watched := map[string]bool{}
	for _, a := range stores.ofType("AWS::CloudWatch::Alarm") {
		for _, d := range a.At("Properties", "Dimensions").List() {
			watched[d.At("Value").Resource()] = true
		}
	}
	if !watched["Database"] || !watched["Cache"] {
		t.Errorf("alarms watch %v", watched)
	}
}

// TestStoresTellWhatTheTemplateAsksFor: each output has the name of a parameter,
// or is for making the user.
func TestStoresTellWhatTheTemplateAsksFor(t *testing.T) {
	parameters := loadTemplate(t).At("Parameters").Keys()
	stores := parseYAML(t, read(t, "infra/stores.yaml"))
	for _, id := range stores.At("Outputs").Keys() {
		if !slices.Contains(parameters, id) && id != "DatabaseArn" && id != "DatabaseSecretArn" {
			t.Errorf("the output %s is no parameter of template.yaml", id)
		}
	}
	if pattern := stores.At("Parameters", "EngineVersion", "AllowedPattern").Text(); !strings.HasPrefix(pattern, "^(1[6-9]|") {
		t.Errorf("EngineVersion may be %s; the schema needs 16", pattern)
	}
}

var skipped = regexp.MustCompile(`(?m)^  - (CKV2?_\w+)(.*)$`)

// TestWhatCheckovIsNotAskedHasAReason: beside each check that is skipped.
func TestWhatCheckovIsNotAskedHasAReason(t *testing.T) {
	for _, m := range skipped.FindAllStringSubmatch(read(t, "infra/checkov.yaml"), -1) {
		if !strings.HasPrefix(m[2], " # ") || len(m[2]) < 40 {
			t.Errorf("infra/checkov.yaml skips %s and does not say why", m[1])
		}
	}
}
