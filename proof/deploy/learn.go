package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/runtimeapi"
	"siesta/local/stack"
)

const (
	theirStack = "siesta-dev"
	e2bKey     = "e2b_0123456789abcdef0123456789abcdef01234567"
)

// awaitLimit is for a job of one file; the page says a minute.
const awaitLimit = 2 * time.Minute

var startedJob = regexp.MustCompile(`"job_id":\s*"([0-9a-f-]{36})"`)

// learn is what the reader makes of what a command has printed.
func (r *reader) learn(ctx context.Context, onPage, typed, out string) (err error) {
	switch {
	case strings.HasPrefix(onPage, "export "):
		for _, assignment := range strings.Fields(typed)[1:] {
			name, value, _ := strings.Cut(assignment, "=")
			r.exports[name] = value
		}
	case strings.Contains(onPage, "create-secret"):
		var made struct{ ARN, Name string }
		if err := json.Unmarshal([]byte(out), &made); err != nil {
			return fmt.Errorf("the secret's ARN: %w", err)
		}
		r.secrets[made.Name] = made.ARN
	case strings.HasPrefix(onPage, "sam deploy"):
		if !strings.Contains(out, "ApiUrl") {
			return errors.New("the address of the API is not printed")
		}
		return r.startCloud(ctx)
	case strings.HasPrefix(onPage, "make demo"):
		if r.demoed = strings.Contains(out, "Its sandbox is asleep"); !r.demoed {
			return fmt.Errorf("it prints %s", out)
		}
	case strings.Contains(onPage, "/generation/start"):
		if id := startedJob.FindStringSubmatch(out); id != nil {
			r.jobID = id[1]
		}
	case strings.Contains(onPage, "JOB_ID/status"):
		err := r.awaits(ctx, typed, out, `"status":"ready"`, `"sandbox_paused":true`)
		r.asleep = err == nil
		return err
	}
	return nil
}

// awaits types a command again until it prints what the page, which must say so, lets
// the reader expect.
func (r *reader) awaits(ctx context.Context, typed, out string, wanted ...string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, awaitLimit)
	defer cancel()
	for _, words := range wanted {
		if !strings.Contains(r.page, "`"+words+"`") {
			return fmt.Errorf("the page does not say that this prints %s", words)
		}
	}
	lacks := func(words string) bool { return !strings.Contains(out, words) }
	for slices.ContainsFunc(wanted, lacks) {
		select {
		case <-time.After(time.Second):
		case err := <-r.failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("it prints %s: %w", out, ctx.Err())
		}
		if out, err = r.typed(ctx, typed); err != nil {
			return err
		}
	}
	return nil
}

// fillIn makes stage dev of the reader's samconfig.toml theirs, as that file says: their
// stores take the place of all that begins with Database and Cache, and of the VPC.
func (r *reader) fillIn() error {
	file := filepath.Join(r.dir, "samconfig.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("fill in: %w", err)
	}
	before, stage, found := strings.Cut(string(text), "[default.deploy.parameters]")
	stage, after, closed := strings.Cut(stage, "\n]")
	if !found || !closed {
		return errors.New("samconfig.toml has no parameters of stage dev")
	}
	var lines []string
	for line := range strings.SplitSeq(stage, "\n") {
		if !hasPrefix(strings.TrimLeft(line, ` "`), []string{"SubnetIds", "SecurityGroupIds", "Database", "Cache", "E2bApiKeySecretArn"}) {
			lines = append(lines, line)
		}
	}
	for parameter, secret := range map[string]string{"DatabaseUrlSecretArn": "siesta-dev-stores", "CacheUrlSecretArn": "siesta-dev-stores", "E2bApiKeySecretArn": "siesta-dev-e2b"} {
		lines = append(lines, fmt.Sprintf("  %q,", parameter+"="+cmp.Or(r.secrets[secret], "the page makes no such secret")))
	}
	text = []byte(before + "[default.deploy.parameters]" + strings.Join(lines, "\n") + "\n]" + after)
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return fmt.Errorf("fill in: %w", err)
	}
	return nil
}

// startCloud lets the deployed stack's functions run, as Lambda would: with the variables
// that it has given them, all of them. What these lead to is moto, the reader's stores,
// and a simulated E2B.
func (r *reader) startCloud(ctx context.Context) error {
	found, err := r.moto.describe(ctx, theirStack)
	if err != nil {
		return err
	}
	// The secret that the template makes and moto does not, under its logical name.
	if _, err := r.typed(ctx, "aws secretsmanager create-secret --name SealKey --secret-string "+strings.Repeat("0123456789abcdef", 4)); err != nil {
		return err
	}
	if r.log, err = os.Create(filepath.Join(folder, "reader.log")); err != nil {
		return fmt.Errorf("make the functions' log: %w", err)
	}
	root, err := filepath.Abs(".")
	if err != nil {
		return fmt.Errorf("find the checkout: %w", err)
	}
	cloud, failed, err := r.moto.run(ctx, found, r.wanted, stack.Config{
		Log:  func(l runtimeapi.Line) { fmt.Fprintf(r.log, "%s[%d] %s\n", l.Function, l.Process, l.Text) },
		Root: r.dir, BinDir: filepath.Join(root, ".local", "bin"), DataDir: filepath.Join(root, folder, "reader-data"),
		E2B: func(c *e2bsim.Config) { c.APIKeys = []string{e2bKey} },
	}, func(f function, local map[string]string) map[string]string {
		given := r.moto.variables(f, nil)
		for name := range local { // what is not the stack's is not there
			if _, ok := given[name]; !ok {
				given[name] = ""
			}
		}
		for _, name := range []string{"E2B_API_URL", "E2B_DOMAIN", "E2B_SANDBOX_URL"} {
			given[name] = local[name]
		}
		given["AWS_ENDPOINT_URL_SECRETS_MANAGER"], given["AWS_ENDPOINT_URL_S3"] = r.moto.address, r.moto.address
		given["SSL_CERT_FILE"] = r.stores.roots // such as any machine trusts
		return given
	})
	r.cloud, r.failed = &cloud, failed
	return err
}

func (r *reader) stopCloud() error {
	if r.cloud == nil || r.cloud.Stack == nil {
		return nil
	}
	err := r.cloud.Close()
	r.cloud = nil
	return err
}

func (r *reader) close() error {
	err := r.stopCloud()
	r.stores.stop()
	if r.log != nil {
		err = errors.Join(err, r.log.Close())
	}
	return err
}
