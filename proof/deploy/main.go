// Command deploy takes template.yaml the way to AWS, with AWS's own tools and
// moto in its place: sam validates, builds and deploys samconfig.toml's stage prod.
// Then a job becomes READY and goes to sleep by messages through that stack's
// queues, a parameter changes, and the stack is deleted; what is there by then is
// compared with what the template says. At last it does what docs/deploy.md tells
// a reader to do, word by word, with stores that have TLS.
//
// Its argument is the folder of the tools; requirements.txt has them. cloud.py
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
const (
	stage     = "prod"
	stackName = "siesta-prod"
)

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
	check := func(look func(context.Context, there, template.Template) error) func() error {
		return func() error {
			found, err := aws.describe(ctx, stackName)
			if err != nil {
				return err
			}
			return look(ctx, found, wanted)
		}
	}
	sam := func(args ...string) func() error {
		return func() error { return aws.tool(ctx, "sam", append(args, "--config-env", stage)...) }
	}
	build := filepath.Join(folder, "build")
	config, err := filepath.Abs("samconfig.toml") // or sam looks for it beside the template
	if err != nil {
		return fmt.Errorf("find the checkout: %w", err)
	}
	deploy := []string{"deploy", "--config-file", config, "--template-file", filepath.Join(build, "template.yaml"), "--no-confirm-changeset"}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"sam validate", sam("validate")},
		{"sam build", sam("build", "--build-dir", build)},
		{"what was built", func() error { return checkBuilt(wanted) }},
		{"sam deploy", sam(deploy...)},
		{"what moto cannot make", func() error { return checkExpanded(filepath.Join(folder, stackName+".json"), wanted) }},
		{"what was created", check(checkMade)},
		{"a job through its queues", check(aws.job)},
		{"sam deploy, changed", sam(append(deploy, "--parameter-overrides", "WakeSeconds=900")...)},
		{"what was updated", check(checkUpdated)},
		{"sam delete", sam("delete", "--no-prompts")},
		{"what is left", check(checkLeft)},
		{"docs/deploy.md, literally", func() error { return aws.follow(ctx, wanted) }},
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
