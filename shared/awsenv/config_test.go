package awsenv

import (
	"context"
	"strings"
	"testing"
)

func vars(m map[string]string) func(string) string {
	return func(name string) string { return m[name] }
}

var lambdaVars = map[string]string{
	"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
	"AWS_SECRET_ACCESS_KEY": "secret/key+example", "AWS_SESSION_TOKEN": "session/token==",
}

func TestLoadReadsWhatLambdaSets(t *testing.T) {
	cfg, err := Load(vars(lambdaVars))
	if err != nil {
		t.Fatal(err)
	}
	creds, err := cfg.Credentials.Retrieve(context.Background())
	if err != nil || cfg.Region != "eu-central-1" || creds.AccessKeyID != "AKIDEXAMPLE" ||
		creds.SecretAccessKey != "secret/key+example" || creds.SessionToken != "session/token==" {
		t.Errorf("got region %q, %+v, %v", cfg.Region, creds, err)
	}
}

func TestLoadNamesEveryMissingVariable(t *testing.T) {
	_, err := Load(vars(map[string]string{"AWS_SECRET_ACCESS_KEY": "hunter2"}))
	if err == nil || !strings.Contains(err.Error(), "AWS_REGION") || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Fatalf("err = %v", err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a value is in: %v", err)
	}
}

func TestEndpointIsOnlyAnOverride(t *testing.T) {
	getenv := vars(map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:9"})
	if got := Endpoint(getenv, "secrets_manager"); got == nil || *got != "http://127.0.0.1:9" {
		t.Errorf("got %v", got)
	}
	if got := Endpoint(getenv, "SQS"); got != nil {
		t.Errorf("unset: got %q, want nil", *got)
	}
}
