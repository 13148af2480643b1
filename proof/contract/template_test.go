package contract

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
)

// TestQueueTimes holds the queues to what Lambda asks of them and to the
// protocol's time: what shared/job's times are reckoned from is the time-out
// here. A message whose turn could not hide it comes back after 600 s.
func TestQueueTimes(t *testing.T) {
	tmpl := loadTemplate(t)
	batches := map[string]int{"build": 1, "pause": 10}
	consumers := []string{}
	for name, f := range tmpl.functions() {
		source, ok := tmpl.event(f, "SQS")
		if !ok {
			continue
		}
		consumers = append(consumers, name)
		queue := tmpl.At("Resources", source.At("Queue").Resource(), "Properties")
		timeout, visibility := f.At("Properties", "Timeout").Number(), queue.At("VisibilityTimeout").Number()
		if end := int(job.FunctionEnd.Seconds()); timeout != end || visibility < 6*timeout {
			t.Errorf("%s: time-out %d, visibility %d, want %d and at least six times that", name, timeout, visibility, end)
		}
		if got := source.At("BatchSize").Number(); got != batches[name] {
			t.Errorf("%s: batch size %d, want %d", name, got, batches[name])
		}
		if got := source.At("MaximumBatchingWindowInSeconds").Number(); got != 0 {
			t.Errorf("%s: batching window %d s: a sandbox that waits is billed", name, got)
		}
		if got := source.At("FunctionResponseTypes").Text(); got != "ReportBatchItemFailures" {
			t.Errorf("%s: response types %q: one bad message would fail its whole batch", name, got)
		}
		if source.At("ScalingConfig", "MaximumConcurrency").Value == nil {
			t.Errorf("%s: no maximum concurrency", name)
		}
		id := source.At("Queue").Resource()
		if got := f.At("Properties", "RecursiveLoop").Text(); may(tmpl.role(f), "sqs:SendMessage", id) && got != "Allow" {
			t.Errorf("%s sends to its own queue, and its RecursiveLoop is %q", name, got)
		}
		checkDeadLetters(t, tmpl, id)
	}
	agree(t, "functions with a queue", consumers, slices.Collect(maps.Keys(batches)))
}

func checkDeadLetters(t *testing.T, tmpl templateFile, id string) {
	t.Helper()
	queue := tmpl.At("Resources", id, "Properties")
	if got := queue.At("RedrivePolicy", "maxReceiveCount").Number(); got != 10 {
		t.Errorf("%s: maxReceiveCount %d, want 10", id, got)
	}
	dead := tmpl.At("Resources", queue.At("RedrivePolicy", "deadLetterTargetArn").Resource(), "Properties")
	kept, keptDead := queue.At("MessageRetentionPeriod").Number(), dead.At("MessageRetentionPeriod").Number()
	if fortnight := int((14 * 24 * time.Hour).Seconds()); keptDead != fortnight || kept >= keptDead {
		t.Errorf("%s: kept for %d s, its dead letters for %d, want less than %d and that", id, kept, keptDead, fortnight)
	}
	if queue.At("MaximumMessageSize").Value != dead.At("MaximumMessageSize").Value {
		t.Errorf("%s and its dead letters take messages of different size", id)
	}
}

func TestMigrationComesFirst(t *testing.T) {
	tmpl := loadTemplate(t)
	functions := tmpl.functions()
	migration := tmpl.At("Resources", "Migration", "Properties")
	if got := migration.At("CodeVersion", "Ref").Text(); got != "MigrateFunction.Version" {
		t.Errorf("CodeVersion is %q: new migrations would not run", got)
	}
	variables := functions["migrate"].At("Properties", "Environment", "Variables")
	for _, text := range texts(migration.At("Database")) {
		if !strings.Contains(strings.Join(append(texts(variables.At("DATABASE_URL")), texts(variables.At("DATABASE_URL_SECRET"))...), " "), text) {
			t.Errorf("Database may be %s, and migrate's is another: another database would not be migrated before it is used", text)
		}
	}
	if len(texts(migration.At("Database"))) != 3 {
		t.Error("Database is not one of an owner's secret, a secret and an address")
	}
	if limit, timeout := migration.At("ServiceTimeout").Number(), functions["migrate"].At("Properties", "Timeout").Number(); limit <= timeout {
		t.Errorf("ServiceTimeout %d, want over the function's %d", limit, timeout)
	}
	for name, f := range functions {
		if after := f.At("DependsOn").Text() == "Migration"; after == (name == "migrate") {
			t.Errorf("%s waits for the migration: %v", name, after)
		}
	}
}

// TestNoProxyIsMigratedThrough: CloudFormation refuses the address that the
// migration would refuse when it starts, where it can answer nobody. Go has no
// such pattern, so this one is read and not tried.
func TestNoProxyIsMigratedThrough(t *testing.T) {
	parameters := loadTemplate(t).At("Parameters")
	direct, whole := parameters.At("DatabaseDirectEndpoint", "AllowedPattern").Text(), parameters.At("DatabaseEndpoint", "AllowedPattern").Text()
	if rest, ok := strings.CutPrefix(direct, `^(?!.*\.proxy-)`); !ok || rest == "" || whole != "^"+rest {
		t.Errorf("DatabaseDirectEndpoint may be %s, want %s but for a proxy", direct, whole)
	}
}

// TestRolesAreNarrow: one role a function, which names what it may touch, and
// may touch what the function's variables name.
func TestRolesAreNarrow(t *testing.T) {
	tmpl := loadTemplate(t)
	owner := map[string]string{}
	for name, f := range tmpl.functions() {
		id := f.At("Properties", "Role").Resource()
		if other := owner[id]; other != "" || id == "" {
			t.Errorf("%s has the role %q of %q", name, id, other)
		}
		owner[id] = name
		role := tmpl.role(f)
		for _, s := range statements(role) {
			if s.At("Resource").Text() == "*" {
				t.Errorf("%s may do %v to everything", name, s.At("Action").Value)
			}
		}
		variables := f.At("Properties", "Environment", "Variables")
		for variable, action := range map[string]string{
			"BUILD_QUEUE_URL": "sqs:SendMessage", "PAUSE_QUEUE_URL": "sqs:SendMessage",
			"BUILD_DLQ_URL": "sqs:SendMessage", "PAUSE_DLQ_URL": "sqs:SendMessage",
			"E2B_API_KEY_SECRET": "secretsmanager:GetSecretValue", "SEAL_KEY_SECRET": "secretsmanager:GetSecretValue",
		} {
			target := named(variables.At(variable))
			if target != "" && !may(role, action, target) {
				t.Errorf("%s has %s and may not use it: its role lacks %s", name, variable, action)
			}
		}
	}
}

// TestSecretsOfStoresCanBeRead: a function may read each secret that the addresses
// of its stores may be, and none of another's.
func TestSecretsOfStoresCanBeRead(t *testing.T) {
	tmpl := loadTemplate(t)
	global := tmpl.At("Globals", "Function", "Environment", "Variables")
	for name, f := range tmpl.functions() {
		variables := f.At("Properties", "Environment", "Variables")
		var wants, has []string
		for _, variable := range []string{"DATABASE_URL_SECRET", "REDIS_URL_SECRET"} {
			n := variables.At(variable)
			if n.Value == nil {
				n = global.At(variable)
			}
			if name != "migrate" || variable == "DATABASE_URL_SECRET" {
				wants = append(wants, texts(n)...)
			}
		}
		all := statements(tmpl.role(f))
		for _, policy := range tmpl.role(f).At("Properties", "ManagedPolicyArns").List() {
			all = append(all, tmpl.At("Resources", policy.Resource(), "Properties", "PolicyDocument", "Statement").List()...)
		}
		for _, s := range all {
			if parts := s.At("Fn::If").List(); len(parts) == 3 && parts[1].At("Action").Text() == "secretsmanager:GetSecretValue" {
				has = append(has, texts(parts[1].At("Resource"))...)
			}
		}
		agree(t, "secrets of stores that "+name+" may read", has, wants)
	}
}

func TestHTTPAnswersBeforeTheGatewayGivesUp(t *testing.T) {
	tmpl := loadTemplate(t)
	for name, f := range tmpl.functions() {
		if _, ok := tmpl.event(f, "HttpApi"); !ok {
			continue
		}
		if timeout := f.At("Properties", "Timeout").Number(); timeout < 1 || timeout > 30 {
			t.Errorf("%s: time-out %d, want 1 to 30: the gateway waits no longer", name, timeout)
		}
	}
	if got := tmpl.At("Resources", "Api", "Properties", "Auth", "DefaultAuthorizer").Text(); got != "Jwt" {
		t.Errorf("default authorizer %q: routes would be open", got)
	}
}

// TestDatabaseIsVerified: connections to stores have TLS, and those to Postgres
// check the server's certificate against roots that the build packs from infra/.
func TestDatabaseIsVerified(t *testing.T) {
	tmpl := loadTemplate(t)
	variables := []node{tmpl.At("Globals", "Function", "Environment", "Variables")}
	for _, f := range tmpl.functions() {
		variables = append(variables, f.At("Properties", "Environment", "Variables"))
	}
	for _, v := range variables {
		for _, address := range texts(v.At("DATABASE_URL")) {
			if strings.HasPrefix(address, "postgres:") && !strings.HasSuffix(address, "?sslmode=verify-full&sslrootcert=/var/task/rds-ca.pem") {
				t.Errorf("DATABASE_URL is %s", address)
			}
		}
		for _, address := range texts(v.At("REDIS_URL")) {
			if strings.Contains(address, "://") && !strings.HasPrefix(address, "rediss://") {
				t.Errorf("REDIS_URL is %s", address)
			}
		}
	}
	roots := 0
	for block, rest := pem.Decode([]byte(read(t, "infra/rds-ca.pem"))); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !cert.IsCA || cert.CheckSignatureFrom(cert) != nil {
			t.Errorf("infra/rds-ca.pem: certificate %d is no root: %v", roots, err)
		}
		roots++
	}
	if roots == 0 {
		t.Error("infra/rds-ca.pem holds no certificate")
	}
}

// secret is what a key, a password in an address or a resolved secret looks
// like. A key of zeros is an example.
var secret = regexp.MustCompile(`e2b_[0-9a-f]*[1-9a-f][0-9a-f]*\b|AKIA[0-9A-Z]{16}|\{\{resolve:|://[^/\s:@]+:[^/\s@]+@`)

func TestNoSecretIsWrittenDown(t *testing.T) {
	for _, path := range []string{"template.yaml", "samconfig.toml"} {
		if found := secret.FindString(read(t, path)); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
	}
	for _, id := range loadTemplate(t).At("Parameters").Keys() {
		if strings.HasSuffix(id, "Key") || strings.HasSuffix(id, "Password") || strings.HasSuffix(id, "Secret") {
			t.Errorf("parameter %s: secrets come by ARN", id)
		}
	}
}
