package contract

import "testing"

// TestEveryLogMayHaveACustomersKey: one parameter is for all log groups.
func TestEveryLogMayHaveACustomersKey(t *testing.T) {
	for id, g := range loadTemplate(t).ofType("AWS::Logs::LogGroup") {
		arms := g.At("Properties", "KmsKeyId", "Fn::If").List()
		if len(arms) != 3 || arms[0].Text() != "HasLogsKey" || arms[1].Resource() != "LogsKeyArn" || !arms[2].Absent() {
			t.Errorf("%s is closed by %v", id, arms)
		}
	}
}

// TestADomainIsTheOnlyAddress: with a domain the API's own address is off, and what
// the stack tells as its address is the domain; share links are below whatever the
// caller called.
func TestADomainIsTheOnlyAddress(t *testing.T) {
	tmpl := loadTemplate(t)
	off := tmpl.At("Resources", "Api", "Properties", "DisableExecuteApiEndpoint", "Fn::If").List()
	if len(off) != 3 || off[0].Text() != "HasDomain" || off[1].Value != true || off[2].Value != false {
		t.Errorf("the API's own address is off: %v", off)
	}
	url := tmpl.At("Outputs", "ApiUrl", "Value", "Fn::If").List()
	if len(url) != 3 || url[0].Text() != "HasDomain" || url[1].At("Fn::Sub").Text() != "https://${DomainName}" {
		t.Errorf("the API's address is %v", url)
	}
	for id, kind := range map[string]string{"Domain": "AWS::ApiGatewayV2::DomainName", "DomainMapping": "AWS::ApiGatewayV2::ApiMapping"} {
		if r := tmpl.At("Resources", id); r.At("Type").Text() != kind || r.At("Condition").Text() != "HasDomain" {
			t.Errorf("%s is %v", id, r.Value)
		}
	}
	if got := tmpl.At("Resources", "DomainMapping", "Properties", "ApiId").Resource(); got != "Api" {
		t.Errorf("the domain leads to %s", got)
	}
}
