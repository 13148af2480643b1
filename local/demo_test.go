package main_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

// teamKey is the key of the E2B that another process runs.
const teamKey = "e2b_0123456789abcdef"

// account is an E2B elsewhere, as its owner sees it.
type account struct {
	sim    *e2bsim.Server
	client *e2b.Client
	env    []string // that a user exports to use it
}

func newAccount(t *testing.T) account {
	t.Helper()
	dir := filepath.Join(folder, "account")
	sim, err := e2bsim.New(e2bsim.Config{
		DataDir: dir, Backend: e2bsim.Processes{Outbound: true}, APIKeys: []string{teamKey}, PauseLatency: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	api, edge := httptest.NewServer(sim.APIHandler()), httptest.NewServer(sim.EdgeHandler())
	t.Cleanup(func() {
		for _, s := range []*httptest.Server{api, edge} {
			s.CloseClientConnections()
			s.Close()
		}
		_ = sim.Close()
		_ = os.RemoveAll(dir)
	})
	client, err := e2b.New(e2b.Config{APIURL: api.URL, SandboxURL: edge.URL, Domain: "e2b.app",
		Key: func(context.Context, bool) (secrets.Text, error) { return secrets.NewText(teamKey), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return account{sim, client, []string{"E2B_API_URL=" + api.URL, "E2B_API_KEY=" + teamKey, "E2B_SANDBOX_URL=" + edge.URL}}
}

// add makes a sandbox that is not ours: another program's of the same team.
func (a account) add(t *testing.T) string {
	t.Helper()
	s, err := a.client.Create(t.Context(), e2b.Create{Template: "base", Timeout: time.Hour, Metadata: map[string]string{job.TagStack: "another"}})
	if err != nil {
		t.Fatal(err)
	}
	return s.ID
}

// sandboxes are the ids of those that there are.
func (a account) sandboxes() (ids []string) {
	for _, s := range a.sim.Sandboxes() {
		if s.State != e2bsim.StateGone {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// TestTheShellsKeyIsNotOurs: whoever uses E2B's own tools has a key exported;
// without an address it is not for us.
func TestTheShellsKeyIsNotOurs(t *testing.T) {
	exported := []string{"E2B_API_KEY=e2b_of_the_user", "E2B_SANDBOX_URL=https://sandbox.e2b.app", "E2B_API_VERSION=v1"}
	code, said := call(t, exported, "demo", "examples/static")
	if code != 0 {
		t.Errorf("exit %d:\n%s", code, said)
	}
	contains(t, said, "E2B's simulator", ".localhost:", "ms after READY", "E2B sandbox", "USD", "The system stops now")
}

// TestPreviewsBelowADomain: what trusts *.localhost does not trust the hosted
// service's domain, so that the simulator can have one as good as that.
func TestPreviewsBelowADomain(t *testing.T) {
	said := keepUp(t, []string{"E2B_DOMAIN=e2b.test"})
	if code, said := call(t, []string{"E2B_DOMAIN=e2b.test"}, "demo", "examples/static"); code != 0 || !strings.Contains(said, ".e2b.test\n") {
		t.Errorf("exit %d:\n%s", code, said)
	}
	edge := assignments(t)["E2B_SANDBOX_URL"]
	contains(t, said(os.Interrupt), "below e2b.test, which is "+edge+" on this machine")
	if code, said := call(t, []string{"E2B_DOMAIN=e2b.test:" + edge[strings.LastIndex(edge, ":")+1:]}, "demo", "examples/static"); code != 0 {
		t.Errorf("with a port: exit %d:\n%s", code, said)
	} else {
		contains(t, said, ".e2b.test:"+edge[strings.LastIndex(edge, ":")+1:])
	}
}

// TestDemoOnAnotherE2B ends well, and leaves in the account what was there.
func TestDemoOnAnotherE2B(t *testing.T) {
	a := newAccount(t)
	other := a.add(t)
	code, said := call(t, a.env, "demo", "examples/static")
	if code != 0 {
		t.Errorf("exit %d:\n%s", code, said)
	}
	contains(t, said, "E2B at http://", "they are killed when it stops", "ms after READY", "E2B's own bill")
	if got := a.sandboxes(); !slices.Equal(got, []string{other}) {
		t.Errorf("the account has %v, want %v alone", got, other)
	}
}

// TestAnotherE2BThanTheRunningSystemsIsRefused: what runs already would be used
// in its place, and nobody would know.
func TestAnotherE2BThanTheRunningSystemsIsRefused(t *testing.T) {
	a := newAccount(t)
	keepUp(t, nil)
	for _, args := range [][]string{{"demo", "examples/static"}, {"invoke", "status", "events/status.json"}} {
		code, said := call(t, a.env, args...)
		if code != 1 || strings.Contains(said, "Building") {
			t.Errorf("%s: exit %d:\n%s", args[0], code, said)
		}
		contains(t, said, "not with the E2B that E2B_API_URL", "stop it first")
	}
	if code, said := call(t, []string{"E2B_DOMAIN=e2b.test"}, "demo", "examples/static"); code != 1 || !strings.Contains(said, "stop it first") {
		t.Errorf("with another domain: exit %d:\n%s", code, said)
	}
	var sourced []string // . .local/env
	for name, value := range assignments(t) {
		sourced = append(sourced, name+"="+value)
	}
	if code, said := call(t, sourced, "invoke", "status", "events/status.json"); code != 0 {
		t.Errorf("with the system's own: exit %d:\n%s", code, said)
	}
}

// TestNothingStaysInTheAccount: what a killed system left, the next one finds
// and kills, but for a user who keeps everything.
func TestNothingStaysInTheAccount(t *testing.T) {
	a := newAccount(t)
	other := a.add(t)
	stop := keepUp(t, a.env)
	if code, said := call(t, nil, "demo", "examples/static"); code != 0 {
		t.Fatalf("exit %d:\n%s", code, said)
	}
	stop(syscall.SIGKILL)
	if got := a.sandboxes(); len(got) != 2 {
		t.Fatalf("the account has %v after the kill, want two", got)
	}
	keep := append([]string{"KEEP=1"}, a.env...)
	if code, said := call(t, keep, "invoke", "status", "events/status.json"); code != 0 || len(a.sandboxes()) != 2 {
		t.Errorf("with KEEP: exit %d, the account has %v:\n%s", code, a.sandboxes(), said)
	}
	if code, said := call(t, a.env, "invoke", "status", "events/status.json"); code != 0 {
		t.Errorf("exit %d:\n%s", code, said)
	}
	if got := a.sandboxes(); !slices.Equal(got, []string{other}) {
		t.Errorf("the account has %v, want %v alone", got, other)
	}
}

// TestAWrongKeyIsToldAtOnce: before anything is built.
func TestAWrongKeyIsToldAtOnce(t *testing.T) {
	a := newAccount(t)
	code, said := call(t, append(a.env, "E2B_API_KEY=e2b_wrong"), "demo", "examples/static")
	if code != 1 || strings.Contains(said, "Building") {
		t.Errorf("exit %d:\n%s", code, said)
	}
	contains(t, said, "list sandboxes at http://", "E2B_API_KEY")
	if strings.Contains(said, "e2b_wrong") {
		t.Errorf("the key is shown:\n%s", said)
	}
}
