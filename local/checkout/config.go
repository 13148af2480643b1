package checkout

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"siesta/local/runtimeapi"
	"siesta/local/stack"
)

// settings are the functions' settings that the caller's environment may give.
var settings = []string{
	"TEMPLATES", "LIMITS", "TIER_CLAIM", "BUILD_DEADLINE_SECONDS", "PAUSE_AFTER_SECONDS", "WAKE_SECONDS", "LOG_LEVEL",
	"VIEW_SECONDS", "LINK_WAKES_PER_HOUR", "LINK_AWAKE_SECONDS_PER_DAY", "FRAME_ANCESTORS",
	"KEEP_SANDBOXES", "FORGET_DAYS", "SOURCE_BUCKET", "SOURCE_STORE", "LOG_STORE", "AWS_ENDPOINT_URL_S3", "E2B_DOMAIN",
}

// service are the settings that name an E2B elsewhere. Without E2B_API_URL none
// of them counts: E2B's own tools read the others, too.
var service = []string{"E2B_API_URL", "E2B_API_KEY", "E2B_SANDBOX_URL", "E2B_API_VERSION"}

// network are the variables by which this machine reaches the package
// registries; sandboxes need them for the same.
var network = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "npm_config_registry", "PIP_INDEX_URL",
}

// Config says how the checkout's system runs. What functions write, and what goes
// wrong, is written to log.
func (c Checkout) Config(log *os.File) (stack.Config, error) {
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return stack.Config{}, fmt.Errorf("find the checkout: %w", err)
	}
	if _, err := os.Stat(filepath.Join(root, "template.yaml")); err != nil {
		return stack.Config{}, errors.New("run this from the root of the checkout, where template.yaml is")
	}
	env := c.pick(settings)
	if c.Getenv("E2B_API_URL") != "" {
		maps.Copy(env, c.pick(service))
		if env["E2B_API_KEY"] == "" {
			return stack.Config{}, errors.New("E2B_API_URL is set, so E2B_API_KEY must be, too; without E2B_API_URL, E2B is simulated")
		}
	}
	lines := bufio.NewWriter(log)
	return stack.Config{
		Root: root, BinDir: filepath.Join(root, ".local", "bin"), DataDir: filepath.Join(root, ".local", "data"),
		Keep: c.Getenv("KEEP") != "", Env: env, SandboxEnv: c.pick(network),
		Log: func(l runtimeapi.Line) {
			fmt.Fprintf(lines, "%s[%d] %s\n", l.Function, l.Process, l.Text)
			_ = lines.Flush()
		},
		Report: func(err error) { fmt.Fprintf(log, "local: %v\n", err) },
	}, nil
}

// NamesAnotherE2B reports whether the caller's environment names an E2B that is
// not the one of the system that .local/env tells of, or another domain.
func (c Checkout) NamesAnotherE2B(system map[string]string) bool {
	differs := func(name string) bool { return c.Getenv(name) != "" && c.Getenv(name) != system[name] }
	return differs("E2B_DOMAIN") || differs("E2B_API_URL") ||
		c.Getenv("E2B_API_URL") != "" && c.Getenv("E2B_API_KEY") != system["E2B_API_KEY"]
}

func (c Checkout) pick(names []string) map[string]string {
	picked := map[string]string{}
	for _, name := range names {
		if value := c.Getenv(name); value != "" {
			picked[name] = value
		}
	}
	return picked
}
