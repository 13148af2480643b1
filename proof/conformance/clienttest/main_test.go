// Package clienttest holds the tests of our own client of E2B against the
// simulator, its sandboxes being real processes. It owns no code.
package clienttest

import (
	"context"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/e2bsim/sandbox"
	"siesta/shared/e2b"
	"siesta/shared/secrets"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

const apiKey = "e2b_0123456789abcdef"

// newWorld starts a simulator and a client of it.
func newWorld(t *testing.T) (*e2bsim.Server, *e2b.Client) {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2bsim-") // not below the test's own folder, which is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sim, err := e2bsim.New(e2bsim.Config{DataDir: dir, Backend: e2bsim.Processes{}, APIKeys: []string{apiKey},
		Domain: "e2b.app", PauseLatency: -1, ResumeLatency: -1})
	if err != nil {
		t.Fatal(err)
	}
	api, edge := httptest.NewServer(sim.APIHandler()), httptest.NewServer(sim.EdgeHandler())
	t.Cleanup(func() {
		api.CloseClientConnections()
		edge.CloseClientConnections()
		api.Close()
		edge.Close()
		_ = sim.Close()
	})
	client, err := e2b.New(e2b.Config{APIURL: api.URL, SandboxURL: edge.URL, Domain: "e2b.app",
		Key: func(context.Context, bool) (secrets.Text, error) { return secrets.NewText(apiKey), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return sim, client
}

func create(t *testing.T, c *e2b.Client) e2b.Sandbox {
	t.Helper()
	s, err := c.Create(t.Context(), e2b.Create{Template: "base", Timeout: 10 * time.Minute, Metadata: map[string]string{"siesta_stack": "s", "siesta_job": "j"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustContain(t *testing.T, text []byte, want string) {
	t.Helper()
	if !strings.Contains(string(text), want) {
		t.Errorf("got %q, want %q in it", text, want)
	}
}
