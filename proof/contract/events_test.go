package contract

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/events"

	"siesta/shared/job"
	"siesta/shared/sqs"
)

// TestSampleEvents: every function has samples, named after it, of the shape
// that its trigger sends.
func TestSampleEvents(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "events", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var sampled []string
	for _, path := range paths {
		sample := strings.TrimSuffix(filepath.Base(path), ".json")
		function, _, _ := strings.Cut(sample, "-")
		if !slices.Contains(sampled, function) {
			sampled = append(sampled, function)
		}
		var shape any = &events.APIGatewayV2HTTPRequest{}
		switch {
		case function == "build" || function == "pause":
			shape = &events.SQSEvent{}
		case function == "reconcile":
			shape = &events.EventBridgeEvent{}
		case sample == "migrate": // by hand
			shape = &map[string]any{}
		case function == "migrate":
			shape = &cfn.Event{}
		}
		d := json.NewDecoder(bytes.NewReader([]byte(read(t, "events/"+sample+".json"))))
		if function != "migrate" { // cfn.Event lacks a field that CloudFormation sends
			d.DisallowUnknownFields()
		}
		if err := d.Decode(shape); err != nil {
			t.Errorf("events/%s.json: %v", sample, err)
		}
	}
	agree(t, "functions with a sample in events/", sampled, folders(t))
}

// TestSampleMessages: the samples hold messages that the functions take, but
// for those called poison.
func TestSampleMessages(t *testing.T) {
	for sample, decode := range map[string]func(string) error{
		"build":           decodeBuild,
		"build-duplicate": decodeBuild,
		"build-continue":  decodeBuild,
		"build-poison":    decodeBuild,
		"pause":           decodeReady,
		"pause-duplicate": decodeReady,
		"pause-poison":    decodeReady,
	} {
		var batch events.SQSEvent
		if err := json.Unmarshal([]byte(read(t, "events/"+sample+".json")), &batch); err != nil {
			t.Fatal(err)
		}
		bad := 0
		for _, record := range batch.Records {
			if err := decode(record.Body); err != nil {
				bad++
			}
		}
		if poison := strings.HasSuffix(sample, "-poison"); poison != (bad == 1) || len(batch.Records) == 0 {
			t.Errorf("events/%s.json: %d of %d messages are bad", sample, bad, len(batch.Records))
		}
	}
	for sample, valid := range map[string]bool{"start": true, "start-invalid": false} {
		var call events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal([]byte(read(t, "events/"+sample+".json")), &call); err != nil {
			t.Fatal(err)
		}
		_, err := job.ParseRequest([]byte(call.Body), "user_example", job.Allowed{Templates: []string{"base"}})
		if (err == nil) != valid {
			t.Errorf("events/%s.json: %v", sample, err)
		}
	}
}

var curlBody = regexp.MustCompile(`-d '([^']*)'`)

// TestReadmesRequest: what a newcomer pastes is taken.
func TestReadmesRequest(t *testing.T) {
	bodies := curlBody.FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(bodies) == 0 {
		t.Fatal("README.md has no request")
	}
	for _, b := range bodies {
		body := strings.ReplaceAll(b[1], "JOB_ID", job.NewID())
		if _, err := job.ParseRequest([]byte(body), "user", job.Allowed{Templates: []string{"base"}}); err != nil {
			t.Errorf("the request of README.md: %v", err)
		}
	}
}

func decodeBuild(body string) error { _, err := sqs.DecodeBuild(body); return err }

func decodeReady(body string) error { _, err := sqs.DecodePause(body); return err }
