package checkout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"siesta/local/stack"
)

// addresses are the addresses that .local/env tells, in its order.
func addresses(s *stack.Stack) [][2]string {
	return [][2]string{
		{"API_URL", s.APIURL}, {"TOKEN", s.Token}, {"DATABASE_URL", s.DatabaseURL}, {"REDIS_URL", s.RedisURL},
		{"SQS_URL", s.SQSURL}, {"BUILD_QUEUE_URL", s.BuildQueueURL}, {"PAUSE_QUEUE_URL", s.PauseQueueURL},
		{"E2B_API_URL", s.E2BAPIURL}, {"E2B_SANDBOX_URL", s.E2BSandboxURL}, {"E2B_DOMAIN", s.E2BDomain}, {"E2B_API_KEY", s.E2BAPIKey},
		{"ADMIN_URL", s.AdminURL},
	}
}

// WriteEnv tells the addresses, in .local/env.json as "sam local invoke" takes
// them. Each file comes in one step, .local/env last: who finds it finds all.
func (c Checkout) WriteEnv(s *stack.Stack) error {
	forSAM, err := json.MarshalIndent(map[string]any{"Parameters": s.Variables()}, "", "  ")
	if err != nil {
		return fmt.Errorf("write .local/env.json: %w", err)
	}
	var b strings.Builder
	for _, v := range addresses(s) {
		fmt.Fprintf(&b, "%s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
	}
	return errors.Join(c.write("env.json", string(forSAM)+"\n"), c.write("env", b.String()))
}

// write makes a file below .local that only its owner may read.
func (c Checkout) write(name, text string) error {
	if err := os.WriteFile(c.Path(name+".new"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write .local/%s: %w", name, err)
	}
	if err := os.Rename(c.Path(name+".new"), c.Path(name)); err != nil {
		return fmt.Errorf("write .local/%s: %w", name, err)
	}
	return nil
}

// OpenLog begins .local/log anew. Like the addresses, only its owner may read it:
// it has what functions and builds say, whoever else is on this machine.
func (c Checkout) OpenLog() (*os.File, error) {
	if err := c.write("log", ""); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(c.Path("log"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, fmt.Errorf("write .local/log: %w", err)
	}
	return log, nil
}

// RemoveEnv takes back what WriteEnv told.
func (c Checkout) RemoveEnv() {
	_ = os.Remove(c.Path("env"))
	_ = os.Remove(c.Path("env.json"))
}

// ReadEnv returns what .local/env tells, or fs.ErrNotExist.
func (c Checkout) ReadEnv() (map[string]string, error) {
	text, err := os.ReadFile(c.Path("env"))
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
