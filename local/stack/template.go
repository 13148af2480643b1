package stack

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// deployment is what template.yaml says of the functions and queues: the local
// system runs with the deployed one's time-outs, memory and batch sizes.
type deployment struct {
	functions []function
	queues    []queue
}

type function struct {
	name      string // its folder below functions/
	timeout   time.Duration
	memory    int
	variables []string // that it may find in its environment
	queue     string   // logical name of the queue that calls it; "" for none
	batch     int
	scheduled bool
}

type queue struct {
	name       string // logical name in the template
	visibility string // seconds
	deadLetter string // logical name of the queue behind it; "" for none
	receives   string // deliveries before a message goes there
}

type templateFile struct {
	Globals struct {
		Function struct {
			Environment environment `yaml:"Environment"`
		} `yaml:"Function"`
	} `yaml:"Globals"`
	Resources map[string]struct {
		Type       string    `yaml:"Type"`
		Properties yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

type environment struct {
	Variables map[string]yaml.Node `yaml:"Variables"`
}

type functionProperties struct {
	Timeout     int         `yaml:"Timeout"`
	MemorySize  int         `yaml:"MemorySize"`
	Environment environment `yaml:"Environment"`
	Events      map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Queue     string `yaml:"Queue"` // of !GetAtt Name.Arn
			BatchSize int    `yaml:"BatchSize"`
		} `yaml:"Properties"`
	} `yaml:"Events"`
}

type queueProperties struct {
	VisibilityTimeout string `yaml:"VisibilityTimeout"`
	RedrivePolicy     struct {
		Target   string `yaml:"deadLetterTargetArn"`
		Receives string `yaml:"maxReceiveCount"`
	} `yaml:"RedrivePolicy"`
}

func readTemplate(file string) (deployment, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return deployment{}, fmt.Errorf("read template: %w", err)
	}
	var t templateFile
	if err := yaml.Unmarshal(text, &t); err != nil {
		return deployment{}, fmt.Errorf("read template: %w", err)
	}
	var d deployment
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		resource := t.Resources[name]
		var err error
		switch resource.Type {
		case "AWS::Serverless::Function":
			err = d.addFunction(name, resource.Properties, t.Globals.Function.Environment)
		case "AWS::SQS::Queue":
			err = d.addQueue(name, resource.Properties)
		}
		if err != nil {
			return deployment{}, fmt.Errorf("read template, resource %s: %w", name, err)
		}
	}
	return d, nil
}

func (d *deployment) addFunction(name string, properties yaml.Node, global environment) error {
	var p functionProperties
	if err := properties.Decode(&p); err != nil {
		return err
	}
	f := function{
		name:      strings.ToLower(strings.TrimSuffix(name, "Function")),
		timeout:   time.Duration(p.Timeout) * time.Second,
		memory:    p.MemorySize,
		variables: slices.Sorted(maps.Keys(p.Environment.Variables)),
	}
	f.variables = slices.AppendSeq(f.variables, maps.Keys(global.Variables))
	for _, event := range p.Events {
		switch event.Type {
		case "SQS":
			f.queue, f.batch = strings.TrimSuffix(event.Properties.Queue, ".Arn"), event.Properties.BatchSize
		case "ScheduleV2":
			f.scheduled = true
		}
	}
	d.functions = append(d.functions, f)
	return nil
}

func (d *deployment) addQueue(name string, properties yaml.Node) error {
	var p queueProperties
	if err := properties.Decode(&p); err != nil {
		return err
	}
	d.queues = append(d.queues, queue{
		name: name, visibility: p.VisibilityTimeout,
		deadLetter: strings.TrimSuffix(p.RedrivePolicy.Target, ".Arn"), receives: p.RedrivePolicy.Receives,
	})
	return nil
}
