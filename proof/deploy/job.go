package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"siesta/local/client"
	"siesta/local/demo"
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
	local, failed, err := m.run(ctx, found, wanted, stack.Config{
		Log:  func(l runtimeapi.Line) { fmt.Fprintf(log, "%s[%d] %s\n", l.Function, l.Process, l.Text) },
		Root: root, BinDir: filepath.Join(root, ".local", "bin"), DataDir: filepath.Join(root, folder, "data"), ReconcileEvery: -1,
	}, func(f function, _ map[string]string) map[string]string { return m.variables(f, ours) })
	if err != nil {
		return err
	}
	defer local.Close()
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
