// Package template reads template.yaml: what the deployed system says of its
// functions, queues, routes and CORS, so that the local one has the same
// time-outs, memory, batch sizes and paths. It knows SAM's words and YAML, and
// starts nothing.
package template

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Template is the part of a SAM template that runs on one machine too. Each list
// is in the order of the resources' names.
type Template struct {
	Functions []Function
	Queues    []Queue
	Routes    []Route
	CORS      *CORS // nil: none
}

// Function is a Lambda.
type Function struct {
	Name      string // its folder below functions/: foo of FooFunction
	Timeout   time.Duration
	Memory    int      // MB
	Variables []string // that it may find in its environment
	Queue     string   // logical name of the queue that calls it; "" for none
	Batch     int      // messages of that queue at most in one call
	Scheduled bool
	Alias     string // that its callers name, and that moves to a new version; "" for none
}

// Queue is an SQS queue.
type Queue struct {
	Name       string // logical name in the template
	Visibility int    // seconds; 0: SQS's own default
	DeadLetter string // logical name of the queue behind it; "" for none
	Receives   int    // deliveries before a message goes there
}

// Read reads a template. Of intrinsic functions it resolves !Ref to a parameter
// with a default, where a list is wanted; what has no value before it is
// deployed, such as issuer and audience, is not read.
func Read(text []byte) (Template, error) {
	root, err := Parse(text)
	if err != nil {
		return Template{}, fmt.Errorf("read template: %w", err)
	}
	var t Template
	secured := t.addAPI(root)
	for _, id := range root.At("Resources").Keys() {
		resource := root.At("Resources", id)
		switch resource.At("Type").Text() {
		case "AWS::Serverless::Function":
			err = t.addFunction(root, id, secured)
		case "AWS::SQS::Queue":
			t.addQueue(id, resource.At("Properties"))
		}
		if err != nil {
			return Template{}, fmt.Errorf("read template, resource %s: %w", id, err)
		}
	}
	return t, nil
}

func (t *Template) addFunction(root Node, id string, secured bool) error {
	p := root.At("Resources", id, "Properties")
	f := Function{
		Name:      strings.ToLower(strings.TrimSuffix(id, "Function")),
		Timeout:   time.Duration(p.At("Timeout").Number()) * time.Second,
		Memory:    p.At("MemorySize").Number(),
		Variables: variables(root.At("Globals", "Function"), p),
		Alias:     cmp.Or(p.At("AutoPublishAlias").Text(), root.At("Globals", "Function", "AutoPublishAlias").Text()),
	}
	if f.Timeout <= 0 || f.Memory <= 0 {
		return errors.New("a Timeout and a MemorySize are needed, as numbers")
	}
	for _, name := range p.At("Events").Keys() {
		event := p.At("Events", name, "Properties")
		switch p.At("Events", name, "Type").Text() {
		case "SQS":
			f.Queue, f.Batch = event.At("Queue").Resource(), event.At("BatchSize").Number()
		case "ScheduleV2":
			f.Scheduled = true
		case "HttpApi":
			route, err := readRoute(f.Name, event, secured)
			if err != nil {
				return fmt.Errorf("event %s: %w", name, err)
			}
			t.Routes = append(t.Routes, route)
		}
	}
	t.Functions = append(t.Functions, f)
	return nil
}

// variables are the names that any of the parts sets, each once.
func variables(parts ...Node) (names []string) {
	for _, part := range parts {
		names = append(names, part.At("Environment", "Variables").Keys()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (t *Template) addQueue(id string, p Node) {
	redrive := p.At("RedrivePolicy")
	t.Queues = append(t.Queues, Queue{
		Name: id, Visibility: p.At("VisibilityTimeout").Number(),
		DeadLetter: redrive.At("deadLetterTargetArn").Resource(), Receives: redrive.At("maxReceiveCount").Number(),
	})
}
