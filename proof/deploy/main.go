// Command deploy takes template.yaml the way to AWS, with AWS's own tools and
// moto in its place: sam validates, builds and packages it, SAM's transform
// expands it, and moto makes the stack of samconfig.toml's stage prod. Then a job
// becomes READY and goes to sleep by messages through that stack's queues, a
// parameter changes, and the stack is deleted; what is there by then is compared
// with what the template says.
//
// Its argument is the folder of the tools; requirements.txt has them. stack.py
// lists what moto cannot make, and why. What moto does make is not run there: the
// functions' binaries are those of make build, in the processor's own form, under
// the local Runtime API, with the variables that the stack gave its functions. The
// files that sam has built are looked at, and not run. Run it in the checkout's
// root. It exits with 1 if anything differs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"siesta/local/e2bsim/sandbox"
	"siesta/local/template"
)

// stage is the one of samconfig.toml that is made: it has most in it.
const stage = "prod"

// folder is where the files between the steps are.
const folder = ".local/deploy"

func main() {
	sandbox.Init() // this program is also every sandbox
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) != 2 {
		return errors.New("usage: deploy FOLDER-OF-THE-TOOLS")
	}
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		return fmt.Errorf("run this in the root of the checkout: %w", err)
	}
	wanted, err := template.Read(text)
	if err != nil {
		return err
	}
	aws, err := startMoto(ctx, os.Args[1])
	if err != nil {
		return err
	}
	defer aws.stop()
	packaged, expanded := filepath.Join(folder, "packaged.yaml"), filepath.Join(folder, "expanded.json")
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"sam validate --lint", func() error { return aws.tool(ctx, "sam", "validate", "--lint") }},
		{"sam build", func() error {
			return aws.tool(ctx, "sam", "build", "--config-env", stage, "--build-dir", filepath.Join(folder, "build"))
		}},
		{"what was built", func() error { return checkBuilt(wanted) }},
		{"sam package", func() error {
			return aws.tool(ctx, "sam", "package", "--template-file", filepath.Join(folder, "build", "template.yaml"), "--s3-bucket", bucket, "--output-template-file", packaged)
		}},
		{"SAM's transform", func() error { return aws.script(ctx, "expand", packaged, expanded) }},
		{"what moto cannot make", func() error { return checkExpanded(expanded, wanted) }},
		{"create the stack", func() error { return aws.script(ctx, "create", stage, expanded) }},
		{"what was created", func() error { return aws.check(ctx, expanded, wanted, checkMade) }},
		{"a job through its queues", func() error { return aws.check(ctx, expanded, wanted, aws.job) }},
		{"update the stack", func() error { return aws.script(ctx, "update", stage, expanded, "WakeSeconds=900") }},
		{"what was updated", func() error { return aws.check(ctx, expanded, wanted, checkUpdated) }},
		{"delete the stack", func() error { return aws.script(ctx, "delete", stage, expanded) }},
		{"what is left", func() error { return aws.check(ctx, expanded, wanted, checkLeft) }},
	} {
		began := time.Now()
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Printf("ok  %-26s %5.1f s\n", step.what, time.Since(began).Seconds())
	}
	return nil
}

// tool runs one of the tools; what it writes is shown if it fails.
func (m *moto) tool(ctx context.Context, name string, args ...string) error {
	_, err := m.output(exec.CommandContext(ctx, filepath.Join(m.tools, name), args...))
	return err
}
