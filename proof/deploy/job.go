package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/client"
	"siesta/local/demo"
	"siesta/local/eventsource"
	"siesta/local/runtimeapi"
	"siesta/local/stack"
	"siesta/local/template"
	"siesta/shared/job"
)

// jobLimit is for a build of plain files on a machine with much else to do.
const jobLimit = 5 * time.Minute

// ours are the variables that lead to what the local system has in place of
// RDS, ElastiCache, S3, Secrets Manager and E2B. All others are the stack's.
var ours = []string{"DATABASE_", "REDIS_", "E2B_", "SEAL_KEY", "SOURCE_", "LOG_STORE", "STACK_TAG", "LOG_LEVEL"}

// job runs the local system with the created stack's queues in place of its own,
// and with the variables of the created functions. A job that is started there is
// READY and asleep by the messages of those queues alone. One that nobody can
// understand ends among the dead letters, and stays there.
func (m *moto) job(ctx context.Context, found there, wanted template.Template) error {
	ctx, cancel := context.WithTimeout(ctx, jobLimit)
	defer cancel()
	root, err := filepath.Abs(".")
	if err != nil {
		return fmt.Errorf("find the checkout: %w", err)
	}
	log, err := os.Create(filepath.Join(folder, "functions.log"))
	if err != nil {
		return fmt.Errorf("make the functions' log: %w", err)
	}
	defer log.Close()
	local, err := stack.Start(ctx, stack.Config{
		Log:  func(l runtimeapi.Line) { fmt.Fprintf(log, "%s[%d] %s\n", l.Function, l.Process, l.Text) },
		Root: root, BinDir: filepath.Join(root, ".local", "bin"), DataDir: filepath.Join(root, folder, "data"), Undelivered: true, ReconcileEvery: -1,
		Env: map[string]string{"AWS_ENDPOINT_URL_SQS": m.address},
		ProcessEnv: func(name string, _ int, _ map[string]string) map[string]string {
			return m.variables(found.Functions[found.Made[logical(name)]])
		},
	})
	if err != nil {
		return err
	}
	defer local.Close()
	for _, mapping := range found.Mappings { // moto's own would take the messages, and call nothing
		if err := m.call(ctx, "lambda", http.MethodPut, "/2015-03-31/event-source-mappings/"+mapping.UUID, `{"Enabled": false}`, nil); err != nil {
			return err
		}
	}
	failed := make(chan error, 1)
	for _, f := range wanted.Functions {
		if f.Queue != "" {
			source := eventsource.Mapping{
				Queue: queue{m, m.here(found.Made[f.Queue])}, Function: f.Name, Invoke: local.Invoke,
				BatchSize: f.Batch, PartialBatch: true, Report: func(err error) {
					select {
					case failed <- err:
					default: // the first one ends it
					}
				},
			}
			polling, stop := context.WithCancel(ctx)
			done := make(chan struct{})
			go func() { defer close(done); source.Run(polling) }()
			defer func() { stop(); <-done }()
		}
	}
	if err := m.sqs(ctx, "SendMessage", map[string]string{"QueueUrl": m.here(found.Made["BuildQueue"]), "MessageBody": "nobody understands this"}, nil); err != nil {
		return err
	}
	app, err := demo.ReadApp("examples/static")
	if err != nil {
		return err
	}
	api := client.Client{URL: local.APIURL, Token: local.Token}
	started, err := client.Wanted(http.StatusCreated)(api.Start(ctx, job.Request{ProjectID: job.NewID(), Goal: "A page", Source: job.Source{Files: app.Files()}}, ""))
	if err != nil {
		return err
	}
	for {
		got, err := client.Wanted(http.StatusOK)(api.Status(ctx, started.Told.JobID))
		switch {
		case err != nil:
			return err
		case got.Told.Status == job.Failed:
			return fmt.Errorf("the job failed: %s", client.Text(got.Told.ErrorMessage))
		case got.Told.SandboxPaused:
			return nil
		}
		select {
		case err := <-failed:
			return err
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the job is %s, its sandbox %s", got.Told.Status, got.Told.SandboxState), ctx.Err())
		}
	}
}

// variables are what a created function has, less ours.
func (m *moto) variables(f function) map[string]string {
	variables := map[string]string{}
	for name, value := range f.Environment.Variables {
		if hasPrefix(name, ours) {
			continue
		}
		variables[name] = fmt.Sprint(value)
		if strings.HasSuffix(name, "_URL") {
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
