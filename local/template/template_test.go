package template_test

import (
	"os"
	"reflect"
	"testing"
	"time"

	"siesta/local/template"
)

const sample = `
Globals:
  Function: {AutoPublishAlias: live, Environment: {Variables: {LOG_LEVEL: info, X: 1}}}
Parameters:
  Origins: {Type: CommaDelimitedList, Default: "http://localhost:3000,https://app.example"}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers: {Jwt: {JwtConfiguration: {issuer: !Ref Issuer, audience: !Ref Audience}}}
      CorsConfiguration:
        AllowOrigins: !Ref Origins
        AllowMethods: [GET, POST]
        AllowHeaders: [authorization, idempotency-key]
        ExposeHeaders: [retry-after]
        MaxAge: 3600
  StatusFunction:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 5
      MemorySize: 256
      AutoPublishAlias: other
      Environment: {Variables: {X: !If [A, !Ref B, !Ref AWS::NoValue], A: !Sub "${B}"}}
      Events:
        Api: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: "/jobs/{job_id}/status"}}
  StartFunction:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 100
      MemorySize: 512
      Events:
        Api: {Type: HttpApi, Properties: {Method: post, Path: /jobs}}
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, BatchSize: 10}}
  HealthFunction:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 1
      MemorySize: 128
      Events:
        Api: {Type: HttpApi, Properties: {Method: ANY, Path: "/health/{rest+}", Auth: {Authorizer: NONE}}}
        Best: {Type: HttpApi, Properties: {Method: GET, Path: /health/best, Auth: {AuthorizationScopes: [read]}}}
        Clock: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute)}}
  Dead: {Type: AWS::SQS::Queue}
  Work:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 600, RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 10}}
  Table: {Type: AWS::DynamoDB::Table}
`

func TestRead(t *testing.T) {
	got, err := template.Read([]byte(sample))
	want := template.Template{
		Functions: []template.Function{
			{Name: "health", Timeout: time.Second, Memory: 128, Variables: []string{"LOG_LEVEL", "X"}, Scheduled: true, Alias: "live"},
			{Name: "start", Timeout: 100 * time.Second, Memory: 512, Variables: []string{"LOG_LEVEL", "X"}, Queue: "Work", Batch: 10, Alias: "live"},
			{Name: "status", Timeout: 5 * time.Second, Memory: 256, Variables: []string{"A", "LOG_LEVEL", "X"}, Alias: "other"},
		},
		Queues: []template.Queue{{Name: "Dead"}, {Name: "Work", Visibility: 600, DeadLetter: "Dead", Receives: 10}},
		Routes: []template.Route{
			{Function: "health", Method: "ANY", Path: "/health/{rest+}", Open: true},
			{Function: "health", Method: "GET", Path: "/health/best", Scopes: []string{"read"}},
			{Function: "start", Method: "POST", Path: "/jobs"},
			{Function: "status", Method: "GET", Path: "/jobs/{job_id}/status"},
		},
		CORS: &template.CORS{AllowOrigins: []string{"http://localhost:3000", "https://app.example"}, AllowMethods: []string{"GET", "POST"},
			AllowHeaders: []string{"authorization", "idempotency-key"}, ExposeHeaders: []string{"retry-after"}, MaxAge: 3600},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// TestWhatCannotBeRun: a value that is missing, or that only a deployment has,
// is an error and no zero.
func TestWhatCannotBeRun(t *testing.T) {
	const function = "Resources: {F: {Type: AWS::Serverless::Function, Properties: {"
	for name, bad := range map[string]string{
		"no YAML":     ":",
		"empty":       "",
		"no method":   function + "Timeout: 1, MemorySize: 128, Events: {A: {Type: HttpApi, Properties: {Path: /x}}}}}}",
		"no path":     function + "Timeout: 1, MemorySize: 128, Events: {A: {Type: HttpApi, Properties: {Method: GET, Path: x}}}}}}",
		"no time-out": function + "MemorySize: 128}}}",
		"a reference": function + "Timeout: !Ref T, MemorySize: 128}}}",
	} {
		if _, err := template.Read([]byte(bad)); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

// TestReadTheTemplate reads the one that is deployed.
func TestReadTheTemplate(t *testing.T) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := template.Read(text)
	if err != nil || len(got.Functions) == 0 || len(got.Queues) == 0 || len(got.Routes) == 0 || got.CORS == nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestShortFormsAreWrittenOut: whoever reads a Node sees one form of each
// intrinsic function.
func TestShortFormsAreWrittenOut(t *testing.T) {
	short, err := template.Parse([]byte(`{a: !Ref X, b: !GetAtt X.Arn, c: !If [C, 1, !Ref AWS::NoValue], d: !Condition C}`))
	if err != nil {
		t.Fatal(err)
	}
	long, err := template.Parse([]byte(`{a: {Ref: X}, b: {"Fn::GetAtt": X.Arn}, c: {"Fn::If": [C, 1, {Ref: AWS::NoValue}]}, d: {Condition: C}}`))
	if err != nil || !reflect.DeepEqual(short, long) {
		t.Errorf("got %v, want %v (%v)", short, long, err)
	}
	if short.At("a").Resource() != "X" || short.At("b").Resource() != "X" || !short.At("c", "Fn::If").List()[2].Absent() {
		t.Errorf("the resources of %v are not found", short)
	}
}
