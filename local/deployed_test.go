package main_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/stack"
)

var deleted = regexp.MustCompile(`Deleted, (?:with its sandbox|its sandbox within minutes): ([0-9a-f-]{36})`)

// elsewhere is the program on a machine that knows nothing of the system but the
// address of its API and a token.
func elsewhere(t *testing.T, api, token string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd, said := command(t, []string{"API_URL=" + api, "TOKEN=" + token}, "deployed", "examples/static")
	cmd.Dir = t.TempDir()
	examples, err := filepath.Abs(filepath.Join(root, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(cmd.Dir, "examples")); err != nil {
		t.Fatal(err)
	}
	return cmd, said
}

// awake are the sandboxes that there are.
func awake(t *testing.T, admin string) (ids []string) {
	t.Helper()
	all, err := stack.Admin(admin).Sandboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.State != e2bsim.StateGone {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// TestTheDemoOfADeployedSystem needs nothing but the API, tells nothing that only the
// system's own machine knows, and leaves nothing.
func TestTheDemoOfADeployedSystem(t *testing.T) {
	keepUp(t, nil)
	at := assignments(t)
	cmd, said := elsewhere(t, at["API_URL"]+"/?stage=prod#top", at["TOKEN"]) // as pasted from a browser
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	contains(t, said.String(), "Its sandbox is asleep", "sandbox_paused  true", `"Changed where it is" is at the same address`, "All was put back")
	for _, word := range []string{"Lambda", "USD", "Postgres", "Redis", at["TOKEN"]} {
		if strings.Contains(said.String(), word) {
			t.Errorf("%q is in:\n%s", word, said)
		}
	}
	ids := deleted.FindAllStringSubmatch(said.String(), -1)
	if len(ids) != 3 {
		t.Errorf("it has deleted %d jobs of 3:\n%s", len(ids), said)
	}
	for _, id := range ids {
		if a, err := (client.Client{URL: at["API_URL"], Token: at["TOKEN"]}).Status(t.Context(), id[1]); err != nil || a.Code != http.StatusNotFound {
			t.Errorf("the job %s is answered %d, %v", id[1], a.Code, err)
		}
	}
	if left := awake(t, at["ADMIN_URL"]); len(left) > 0 {
		t.Errorf("it leaves the sandboxes %v", left)
	}
}

// TestTheDemoIsCut: Ctrl-C in the middle of a build leaves nothing either.
func TestTheDemoIsCut(t *testing.T) {
	keepUp(t, nil)
	at := assignments(t)
	cmd, said := elsewhere(t, at["API_URL"], at["TOKEN"])
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); len(awake(t, at["ADMIN_URL"])) == 0; {
		if time.Now().After(end) {
			t.Fatal("there is no sandbox")
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit %d:\n%s", cmd.ProcessState.ExitCode(), said)
	}
	if len(deleted.FindAllString(said.String(), -1)) != 1 || strings.Contains(said.String(), "All was put back") {
		t.Errorf("it says:\n%s", said)
	}
	for end := time.Now().Add(patience); len(awake(t, at["ADMIN_URL"])) > 0; { // its builder, or reconcile, ends one that was on its way
		if time.Now().After(end) {
			t.Fatalf("it leaves the sandboxes %v:\n%s", awake(t, at["ADMIN_URL"]), said)
		}
	}
}

// TestOnlyTheCommandLineNamesAnotherSystem: .local/env exports the address of this machine's.
func TestOnlyTheCommandLineNamesAnotherSystem(t *testing.T) {
	for command, c := range map[string]struct {
		arguments, environment []string
	}{
		"deployed": {[]string{"-n", "demo", "API_URL=https://api.example.com"}, nil},
		"demo":     {[]string{"-n", "demo"}, []string{"API_URL=http://127.0.0.1:1", "TOKEN=x"}},
	} {
		would := exec.Command("make", c.arguments...)
		would.Dir, would.Env = root, append(os.Environ(), c.environment...)
		said, err := would.CombinedOutput()
		if err != nil || !strings.Contains(string(said), "local/bin/local "+command+` "examples/vite-react"`) {
			t.Errorf("make %v with %v would do, %v:\n%s", c.arguments, c.environment, err, said)
		}
	}
}

// TestWhatADeployedSystemRefuses is told with what to do.
func TestWhatADeployedSystemRefuses(t *testing.T) {
	keepUp(t, nil)
	api := assignments(t)["API_URL"]
	for name, c := range map[string]struct {
		api, token string
		want       []string
	}{
		"another's token": {api, "hunter2", []string{"401", "JwtIssuer", "export TOKEN"}},
		"a stage's path":  {api + "/prod", "hunter2", []string{"404", `Not Found`, "ApiUrl as it is"}},
		"no token":        {api, "", []string{"TOKEN must be"}},
		"no address":      {"", "hunter2", []string{"API_URL must be"}},
		"a name":          {"api.example.com", "hunter2", []string{"API_URL must be"}},
		"a password":      {"http://user:hunter2@127.0.0.1:1", "token", []string{"API_URL must be"}},
		"nobody there":    {"http://127.0.0.1:1", "hunter2", []string{"127.0.0.1:1", "refused"}},
	} {
		cmd, said := elsewhere(t, c.api, c.token)
		_ = cmd.Run()
		contains(t, said.String(), c.want...)
		if cmd.ProcessState.ExitCode() != 1 || strings.Contains(said.String(), "hunter2") {
			t.Errorf("%s: exit %d:\n%s", name, cmd.ProcessState.ExitCode(), said)
		}
	}
}
