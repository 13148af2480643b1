package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"siesta/local/runtimeapi"
	"siesta/local/stack"
)

// checkout is the folder that a system belongs to, and what the caller's
// environment says.
type checkout struct {
	root   string
	getenv func(string) string
}

// path is a path below .local, which git does not know.
func (c checkout) path(name ...string) string {
	return filepath.Join(append([]string{c.root, ".local"}, name...)...)
}

// settings are the functions' settings that the caller's environment may give.
var settings = []string{
	"TEMPLATES", "LIMITS", "TIER_CLAIM", "BUILD_DEADLINE_SECONDS", "PAUSE_AFTER_SECONDS", "WAKE_SECONDS", "LOG_LEVEL",
	"SOURCE_BUCKET", "AWS_ENDPOINT_URL_S3",
}

// service are the settings that name an E2B elsewhere. Without E2B_API_URL none
// of them counts: E2B's own tools read the others, too.
var service = []string{"E2B_API_URL", "E2B_API_KEY", "E2B_DOMAIN", "E2B_SANDBOX_URL", "E2B_API_VERSION"}

// network are the variables by which this machine reaches the package
// registries; sandboxes need them for the same.
var network = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "npm_config_registry", "PIP_INDEX_URL",
}

func (c checkout) config(log *os.File) (stack.Config, error) {
	root, err := filepath.Abs(c.root)
	if err != nil {
		return stack.Config{}, fmt.Errorf("find the checkout: %w", err)
	}
	if _, err := os.Stat(filepath.Join(root, "template.yaml")); err != nil {
		return stack.Config{}, errors.New("run this from the root of the checkout, where template.yaml is")
	}
	env := c.pick(settings)
	if c.getenv("E2B_API_URL") != "" {
		maps.Copy(env, c.pick(service))
		if env["E2B_API_KEY"] == "" {
			return stack.Config{}, errors.New("E2B_API_URL is set, so E2B_API_KEY must be, too; without E2B_API_URL, E2B is simulated")
		}
	}
	lines := bufio.NewWriter(log)
	return stack.Config{
		Root: root, BinDir: filepath.Join(root, ".local", "bin"), DataDir: filepath.Join(root, ".local", "data"),
		Keep: c.getenv("KEEP") != "", Env: env, SandboxEnv: c.pick(network),
		Log: func(l runtimeapi.Line) {
			fmt.Fprintf(lines, "%s[%d] %s\n", l.Function, l.Process, l.Text)
			_ = lines.Flush()
		},
		Report: func(err error) { fmt.Fprintf(log, "local: %v\n", err) },
	}, nil
}

func (c checkout) pick(names []string) map[string]string {
	picked := map[string]string{}
	for _, name := range names {
		if value := c.getenv(name); value != "" {
			picked[name] = value
		}
	}
	return picked
}

// errRunning: this checkout's system is up already.
var errRunning = errors.New("this checkout's system is running already: stop it first, or use make demo, which uses it")

// lock makes this process the only one that runs the checkout's system.
func (c checkout) lock() (release func(), err error) {
	if err := os.MkdirAll(c.path(), 0o755); err != nil {
		return nil, fmt.Errorf("make .local: %w", err)
	}
	file, err := os.OpenFile(c.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the checkout: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errRunning
		}
		return nil, fmt.Errorf("lock the checkout: %w", err)
	}
	return func() { _ = file.Close() }, nil
}

// environment are the addresses that .local/env tells, in its order.
func environment(s *stack.Stack) [][2]string {
	return [][2]string{
		{"API_URL", s.APIURL}, {"TOKEN", s.Token}, {"DATABASE_URL", s.DatabaseURL}, {"REDIS_URL", s.RedisURL},
		{"SQS_URL", s.SQSURL}, {"BUILD_QUEUE_URL", s.BuildQueueURL}, {"PAUSE_QUEUE_URL", s.PauseQueueURL},
		{"E2B_API_URL", s.E2BAPIURL}, {"E2B_SANDBOX_URL", s.E2BSandboxURL}, {"E2B_DOMAIN", s.E2BDomain}, {"E2B_API_KEY", s.E2BAPIKey},
		{"ADMIN_URL", s.AdminURL},
	}
}

// writeEnv tells the addresses, in .local/env.json as "sam local invoke" takes
// them. Each file comes in one step, .local/env last: who finds it finds all.
func (c checkout) writeEnv(s *stack.Stack) error {
	forSAM, err := json.MarshalIndent(map[string]any{"Parameters": s.Variables()}, "", "  ")
	if err != nil {
		return fmt.Errorf("write .local/env.json: %w", err)
	}
	var b strings.Builder
	for _, v := range environment(s) {
		fmt.Fprintf(&b, "%s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
	}
	return errors.Join(c.write("env.json", string(forSAM)+"\n"), c.write("env", b.String()))
}

// write makes a file below .local that only its owner may read.
func (c checkout) write(name, text string) error {
	if err := os.WriteFile(c.path(name+".new"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write .local/%s: %w", name, err)
	}
	if err := os.Rename(c.path(name+".new"), c.path(name)); err != nil {
		return fmt.Errorf("write .local/%s: %w", name, err)
	}
	return nil
}

func (c checkout) removeEnv() {
	_ = os.Remove(c.path("env"))
	_ = os.Remove(c.path("env.json"))
}

// readEnv returns what .local/env tells, or fs.ErrNotExist.
func (c checkout) readEnv() (map[string]string, error) {
	text, err := os.ReadFile(c.path("env"))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, fmt.Errorf("read .local/env: %w", err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env[name] = strings.Trim(value, "'")
		}
	}
	return env, nil
}

// withSystem calls use with what .local/env tells: of the system that runs, and
// stays, or else of one that is started for it and stopped after.
func (c checkout) withSystem(ctx context.Context, to io.Writer, use func(system map[string]string, stays bool) error) error {
	_, stop, err := c.up(ctx, to)
	switch {
	case err == nil:
		defer stop()
	case !errors.Is(err, errRunning):
		return err
	}
	system, err := c.readEnv()
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("this checkout's system is still starting, or stopping: try again in a moment")
	}
	if err != nil {
		return err
	}
	return use(system, stop == nil)
}
