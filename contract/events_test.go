package contract

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/events"
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
