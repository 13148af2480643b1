package contract

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestQueuesAreClosed: each is encrypted, takes nothing without TLS, and is the dead
// letters of its own source alone.
func TestQueuesAreClosed(t *testing.T) {
	tmpl := loadTemplate(t)
	policy := tmpl.At("Resources", "QueuePolicy", "Properties")
	var covered, queues []string
	for _, q := range policy.At("Queues").List() {
		covered = append(covered, q.Resource())
	}
	for id, q := range tmpl.ofType("AWS::SQS::Queue") {
		queues = append(queues, id)
		if !q.At("Properties", "SqsManagedSseEnabled").Flag() {
			t.Errorf("%s is not encrypted", id)
		}
		dead := q.At("Properties", "RedrivePolicy", "deadLetterTargetArn").Resource()
		if dead == "" {
			continue
		}
		allow := tmpl.At("Resources", dead, "Properties", "RedriveAllowPolicy")
		name := strings.TrimPrefix(q.At("Properties", "QueueName", "Fn::Sub").Text(), "${AWS::StackName}")
		from := allow.At("sourceQueueArns").List()
		if allow.At("redrivePermission").Text() != "byQueue" || len(from) != 1 || name == "" ||
			!strings.HasSuffix(from[0].At("Fn::Sub").Text(), ":${AWS::StackName}"+name) {
			t.Errorf("%s takes the dead letters of %v", dead, allow.Value)
		}
	}
	agree(t, "queues with a policy", covered, queues)
	checkTLSOnly(t, "the queues", policy)
}

// TestTheCodeOfVersionsIsClosed: nobody but the functions, and they by TLS.
func TestTheCodeOfVersionsIsClosed(t *testing.T) {
	tmpl := loadTemplate(t)
	for id, b := range tmpl.ofType("AWS::S3::Bucket") {
		block := b.At("Properties", "PublicAccessBlockConfiguration")
		for _, what := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			if !block.At(what).Flag() {
				t.Errorf("%s does not say %s", id, what)
			}
		}
		if b.At("Properties", "BucketEncryption").Value == nil {
			t.Errorf("%s is not encrypted", id)
		}
		checkTLSOnly(t, id, tmpl.At("Resources", id+"Policy", "Properties"))
	}
}

// checkTLSOnly: the policy denies everybody everything that comes without TLS.
func checkTLSOnly(t *testing.T, of string, policy node) {
	t.Helper()
	s := policy.At("PolicyDocument", "Statement").List()
	if len(s) != 1 || s[0].At("Effect").Text() != "Deny" || s[0].At("Principal").Text() != "*" || !strings.HasSuffix(s[0].At("Action").Text(), ":*") ||
		s[0].At("Condition", "Bool", "aws:SecureTransport").Text() != "false" {
		t.Errorf("%s may be reached without TLS: %v", of, policy.Value)
	}
}

// TestTheAPIGivesNobodyAll: there is a rate for each route, less for those that are dear, and
// one of its own for each that asks for no token; pages of the parameter alone may call.
func TestTheAPIGivesNobodyAll(t *testing.T) {
	tmpl := loadTemplate(t)
	api := tmpl.At("Resources", "Api", "Properties")
	usual := api.At("DefaultRouteSettings", "ThrottlingRateLimit").Number()
	if usual == 0 || api.At("DefaultRouteSettings", "ThrottlingBurstLimit").Number() < usual {
		t.Errorf("a route may be called %d times a second", usual)
	}
	apart := []string{"POST /api/generation/start", "POST /api/generation/{job_id}/resume"}
	dear := slices.Clone(apart)
	for _, f := range tmpl.functions() {
		for _, e := range tmpl.events(f, "HttpApi") {
			if e.At("Auth", "Authorizer").Text() == "NONE" {
				apart = append(apart, e.At("Method").Text()+" "+e.At("Path").Text())
			}
		}
	}
	settings := api.At("RouteSettings")
	agree(t, "routes with a rate of their own", settings.Keys(), apart)
	for _, route := range settings.Keys() {
		rate := settings.At(route, "ThrottlingRateLimit").Number()
		if rate == 0 || rate > usual || slices.Contains(dear, route) && rate >= usual || settings.At(route, "ThrottlingBurstLimit").Number() < rate {
			t.Errorf("%s may be called %d times a second, where the usual is %d", route, rate, usual)
		}
	}
	if got := api.At("CorsConfiguration", "AllowOrigins", "Ref").Text(); got != "CorsAllowOrigins" {
		t.Errorf("pages of %q may call the API", got)
	}
	if domain := tmpl.At("Resources", "Domain", "Properties", "DomainNameConfigurations").List(); len(domain) != 1 || domain[0].At("SecurityPolicy").Text() != "TLS_1_2" {
		t.Errorf("the domain takes %v", domain)
	}
}

// TestNothingIsOfOneAccount: an account number, a region or the commercial partition in a
// template is somebody else's.
func TestNothingIsOfOneAccount(t *testing.T) {
	own := regexp.MustCompile(`arn:aws[a-z-]*:|\b[0-9]{12}\b|\b(us|eu|ap|sa|ca|me|af)-[a-z]+-[0-9]\b`)
	for _, path := range []string{"template.yaml", "infra/stores.yaml"} {
		for i, line := range strings.Split(read(t, path), "\n") {
			if found := own.FindString(line); found != "" {
				t.Errorf("%s:%d has %s", path, i+1, fmt.Sprintf("%q", found))
			}
		}
	}
}
