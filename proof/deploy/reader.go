package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"siesta/local/template"
)

// readerLimit is for all that the page tells to do: a build of all functions, and of a
// real app twice, on a machine with much else to do.
const readerLimit = 15 * time.Minute

// waitDelay is how long what a command has started may outlive it.
const waitDelay = 10 * time.Second

// aside is what is not typed, and why, by how it begins.
var aside = map[string]string{
	"aws lambda get-account-settings":    "moto has no such call",
	"aws cloudformation deploy":          "moto makes no Aurora; the reader has stores of their own",
	"aws cloudformation describe-stacks": "as above",
	"git pull":                           "an upgrade of another stage",
	"sam build --config-env prod":        "as above, and done by other steps",
}

// reader does what the page says in a checkout of their own. They know nothing but it,
// and what it takes as known: their stores, a key of E2B, an issuer.
type reader struct {
	page   string
	moto   *moto
	wanted template.Template
	dir    string // their checkout

	stores  stores
	exports map[string]string
	secrets map[string]string // ARNs by name
	jobID   string            // the one that was started by hand

	demoed, asleep bool // an app by make demo, and that job

	cloud  *running // once the stack is deployed
	failed <-chan error
	log    *os.File // the functions'
}

// follow types every command of the page, in its order, and looks at what each prints.
func (m *moto) follow(ctx context.Context, wanted template.Template) (err error) {
	ctx, cancel := context.WithTimeout(ctx, readerLimit)
	defer cancel()
	text, err := os.ReadFile(pagePath)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	r := &reader{page: string(text), moto: m, wanted: wanted, dir: filepath.Join(folder, "checkout"), exports: map[string]string{}, secrets: map[string]string{}}
	if r.dir, err = filepath.Abs(r.dir); err != nil {
		return fmt.Errorf("find a folder: %w", err)
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if r.stores, err = startStores(); err != nil {
		return err
	}
	if err := checkOut(ctx, r.dir); err != nil {
		return err
	}
	left := maps.Clone(aside)
	for _, c := range commands(r.page) {
		began := time.Now()
		if why := asideOf(c.text); why != "" {
			delete(left, why)
			continue
		}
		if err := r.obey(ctx, c); err != nil {
			return fmt.Errorf("%s, %q: %w", c.section, c.text, err)
		}
		fmt.Printf("    %-72.72s %5.1f s\n", c.text, time.Since(began).Seconds())
	}
	if len(left) > 0 {
		return fmt.Errorf("the page no longer says %q", slices.Sorted(maps.Keys(left)))
	}
	if !r.demoed || !r.asleep {
		return errors.New("the page does not lead to an app that is READY and asleep")
	}
	return nil
}

func asideOf(text string) string {
	for begin := range aside {
		if strings.HasPrefix(text, begin) {
			return begin
		}
	}
	return ""
}

// obey does what a command is about, before and after it, and types it.
func (r *reader) obey(ctx context.Context, c command) error {
	switch {
	case strings.HasPrefix(c.text, "sam validate"):
		if err := r.fillIn(); err != nil {
			return err
		}
	case strings.HasPrefix(c.text, "sam delete"):
		if err := r.stopCloud(); err != nil {
			return err
		}
	}
	text, err := r.filled(c.text)
	if err != nil {
		return err
	}
	out, err := r.typed(ctx, text)
	if err != nil {
		return err
	}
	if !strings.Contains(out, c.prints) {
		return fmt.Errorf("it prints %q, the page says %q", out, c.prints)
	}
	return r.learn(ctx, c.text, text, out)
}

// filled is a command with what the reader knows in place of what the page cannot.
func (r *reader) filled(text string) (string, error) {
	known := []string{
		"--secret-string e2b_…", "--secret-string " + e2bKey,
		"postgres://user:password@host/siesta", r.stores.database,
		"rediss://user:password@host:6379", r.stores.cache,
		`"id": "…", "secret": "…"`, `"id": "smoke", "secret": "hunter2"`,
	}
	if r.cloud != nil {
		known = append(known, "API_URL=…", "API_URL="+r.cloud.APIURL, "TOKEN=…", "TOKEN="+r.cloud.Token)
	}
	if r.jobID != "" {
		known = append(known, "JOB_ID", r.jobID)
	}
	text = strings.NewReplacer(known...).Replace(text)
	if strings.Contains(text, "…") || strings.Contains(text, "JOB_ID") {
		return "", errors.New("a reader does not know what to put there")
	}
	return text, nil
}

// typed runs a command in the reader's checkout and shell, where y is the answer to all
// that is asked.
func (r *reader) typed(ctx context.Context, text string) (string, error) {
	tools, err := filepath.Abs(r.moto.tools)
	if err != nil {
		return "", fmt.Errorf("find the tools: %w", err)
	}
	cmd := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", `PATH="$0:$PATH"`+"\n"+text, tools)
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(strings.Repeat("y\n", 10))
	var env []string
	for name, value := range r.exports {
		env = append(env, name+"="+value)
	}
	cmd.Env = r.moto.environment(env)
	cmd.WaitDelay = waitDelay // what it has started may hold its output
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out.Bytes())
	}
	return out.String(), nil
}

// checkOut makes a checkout of what this one has, committed or not.
func checkOut(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("empty %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	cmd := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", `git ls-files -z --cached --others --exclude-standard | tar --create --null --ignore-failed-read --files-from - | tar --extract --directory "$0"`, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the checkout: %w: %s", err, out)
	}
	return nil
}
