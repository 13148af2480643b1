package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/eventsource"
	"siesta/local/stack"
	"siesta/local/template"
)

// running is a local system in which a created stack's functions run.
type running struct {
	*stack.Stack
	stop func()
}

func (r running) Close() error {
	r.stop()
	return r.Stack.Close()
}

// run starts a local system with a created stack's queues in place of its own, and
// with the variables that are made of a created function's. What goes wrong with the
// queues is told to failed.
func (m *moto) run(ctx context.Context, found there, wanted template.Template, c stack.Config, variables func(f function, local map[string]string) map[string]string) (_ running, failed <-chan error, err error) {
	c.Undelivered = true
	c.ProcessEnv = func(name string, _ int, local map[string]string) map[string]string {
		return variables(found.Functions[found.Made[logical(name)]], local)
	}
	for _, mapping := range found.Mappings { // moto's own would take the messages, and call nothing
		if err := m.call(ctx, "lambda", http.MethodPut, "/2015-03-31/event-source-mappings/"+mapping.UUID, `{"Enabled": false}`, nil); err != nil {
			return running{}, nil, err
		}
	}
	local, err := stack.Start(ctx, c)
	if err != nil {
		return running{}, nil, err
	}
	polling, cancel := context.WithCancel(ctx)
	failures, ended := make(chan error, 1), make(chan struct{})
	polls := 0
	for _, f := range wanted.Functions {
		if f.Queue == "" {
			continue
		}
		source := eventsource.Mapping{
			Queue: queue{m, m.here(found.Made[f.Queue])}, Function: f.Name, Invoke: local.Invoke,
			BatchSize: f.Batch, PartialBatch: true, Report: func(err error) {
				select {
				case failures <- err:
				default: // the first one ends it
				}
			},
		}
		polls++
		go func() { source.Run(polling); ended <- struct{}{} }()
	}
	return running{local, func() {
		cancel()
		for range polls {
			<-ended
		}
	}}, failures, nil
}

// variables are what a created function has, less those that begin with one of the
// words, and with the queues' addresses on this machine.
func (m *moto) variables(f function, less []string) map[string]string {
	variables := map[string]string{"AWS_ENDPOINT_URL_SQS": m.address}
	for name, value := range f.Environment.Variables {
		if hasPrefix(name, less) {
			continue
		}
		variables[name] = fmt.Sprint(value)
		if strings.HasSuffix(name, "_QUEUE_URL") || strings.HasSuffix(name, "_DLQ_URL") {
			variables[name] = m.here(variables[name])
		}
	}
	return variables
}

func hasPrefix(name string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// here is the address of a queue on this machine: moto tells AWS's own.
func (m *moto) here(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return m.address + u.Path
}

// queue is one of moto's.
type queue struct {
	moto    *moto
	address string
}

func (q queue) Receive(ctx context.Context, most int, wait time.Duration) ([]events.SQSMessage, error) {
	var answer struct {
		Messages []struct {
			MessageId, ReceiptHandle, Body string
			Attributes                     map[string]string
			MessageAttributes              map[string]struct{ DataType, StringValue string }
		}
	}
	err := q.moto.sqs(ctx, "ReceiveMessage", map[string]any{
		"QueueUrl": q.address, "MaxNumberOfMessages": most, "WaitTimeSeconds": int(wait.Seconds()),
		"MessageSystemAttributeNames": []string{"All"}, "MessageAttributeNames": []string{"All"},
	}, &answer)
	var messages []events.SQSMessage
	for _, m := range answer.Messages {
		message := events.SQSMessage{MessageId: m.MessageId, ReceiptHandle: m.ReceiptHandle, Body: m.Body, Attributes: m.Attributes, MessageAttributes: map[string]events.SQSMessageAttribute{}}
		for name, a := range m.MessageAttributes {
			message.MessageAttributes[name] = events.SQSMessageAttribute{DataType: a.DataType, StringValue: &a.StringValue}
		}
		messages = append(messages, message)
	}
	return messages, err
}

func (q queue) Delete(ctx context.Context, handles []string) error {
	for _, handle := range handles {
		if err := q.moto.sqs(ctx, "DeleteMessage", map[string]string{"QueueUrl": q.address, "ReceiptHandle": handle}, nil); err != nil {
			return err
		}
	}
	return nil
}
