package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"siesta/local/runtimeapi"
	"siesta/local/template"
)

// TestOneSystemInACheckout: the second is refused in words, what needs a system
// uses the first, and at its end nothing is left of it.
func TestOneSystemInACheckout(t *testing.T) {
	stop := keepUp(t, nil)
	api := assignments(t)["API_URL"]
	if code, said := call(t, nil, "run"); code != 1 || !strings.Contains(said, "running already") {
		t.Errorf("a second system: %d\n%s", code, said)
	}
	code, said := call(t, nil, "demo", "examples/static")
	if code != 0 {
		t.Errorf("demo beside run: %d\n%s", code, said)
	}
	contains(t, said, "Wake it:", "Open it:  "+api+"/p/", "ms after READY")
	if code, said := call(t, nil, "invoke", "status", "events/status.json"); code != 0 || !strings.Contains(said, `"statusCode":404`) {
		t.Errorf("invoke: %d\n%s", code, said)
	}
	if !answers(api) {
		t.Error("what uses a system that runs has stopped it")
	}
	contains(t, stop(os.Interrupt), "make demo\n", "-X POST $API_URL/api/generation/JOB_ID/share\n")
	gone(t, "env", "env.json", "data/sandboxes", "data/issuer.pem")
	if answers(api) {
		t.Error("the API answers after the end")
	}
}

// TestFunctionsRunWithSAMsVariables: with the values of .local/env.json alone,
// as "sam local invoke --env-vars" gives them, a function does its work on the
// system that runs.
func TestFunctionsRunWithSAMsVariables(t *testing.T) {
	keepUp(t, nil)
	text, err := os.ReadFile(local("env.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Parameters map[string]string }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	runtime, err := runtimeapi.New(runtimeapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.Close()
	text, err = os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	deployed, err := template.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	cases := [][2]string{
		{"start", `"statusCode":201`}, {"pause", `"batchItemFailures":[]`}, {"build", `"batchItemFailures":[]`},
		{"reconcile", `"failed_parts":[]`}, {"migrate", `"version"`}, {"versions", `"statusCode":200`},
		{"preview", `"statusCode":404`}, // its link is another stack's
		{"wake", `"statusCode":404`},
	}
	for _, route := range deployed.Routes { // first, while their job is none
		known := slices.ContainsFunc(cases, func(c [2]string) bool { return c[0] == route.Function }) // versions, whose event is the list's
		if strings.Contains(route.Path, "{job_id}") && !known {
			cases = slices.Insert(cases, 0, [2]string{route.Function, `"statusCode":404`})
		}
	}
	tried := map[string]bool{}
	for _, c := range cases {
		function, want := c[0], c[1]
		tried[function] = true
		event, err := os.ReadFile(filepath.Join(root, "events", function+".json"))
		if err != nil {
			t.Fatal(err)
		}
		bootstrap := filepath.Join(folder, ".local", "bin", function, "bootstrap")
		err = runtime.Register(runtimeapi.Function{Name: function, Path: bootstrap, Env: file.Parameters, Timeout: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := runtime.Invoke(t.Context(), function, event)
		if err != nil || answer.FunctionError != "" || !strings.Contains(string(answer.Payload), want) {
			t.Errorf("%s answered %s (%s, %v), want %s in it", function, answer.Payload, answer.FunctionError, err, want)
		}
	}
	for _, f := range deployed.Functions {
		if !tried[f.Name] {
			t.Errorf("%s is not run", f.Name)
		}
	}
}

// TestFailuresAreToldInWords: each is one line that says what to do, and an
// exit that a script sees.
func TestFailuresAreToldInWords(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"no command":       {nil, nil, "usage: local COMMAND"},
		"missing example":  {nil, []string{"demo", "examples/nope"}, "there is no folder examples/nope"},
		"a file":           {nil, []string{"demo", "examples/static/index.html"}, "there is no folder"},
		"unknown function": {nil, []string{"invoke", "nope", "events/pause.json"}, "there is no function nope"},
		"a path":           {nil, []string{"invoke", "../local", "events/pause.json"}, "FUNCTION is the name of a folder"},
		"no function":      {nil, []string{"invoke", "", ""}, "make invoke FUNCTION=pause EVENT=events/pause.json"},
		"missing event":    {nil, []string{"invoke", "pause", "events/nope.json"}, "events/nope.json"},
		"E2B without key":  {[]string{"E2B_API_URL=https://api.e2b.app"}, []string{"run"}, "E2B_API_KEY must be, too"},
		"E2B, a password":  {[]string{"E2B_API_URL=https://u:hunter2@api.e2b.app", "E2B_API_KEY=hunter2"}, []string{"run"}, "E2B_API_URL must be"},
		"E2B, a token":     {[]string{"E2B_API_URL=http://127.0.0.1:1/hunter2", "E2B_API_KEY=hunter2"}, []string{"run"}, "http://127.0.0.1:1 with"},
		"E2B not there":    {[]string{"E2B_API_URL=http://127.0.0.1:1", "E2B_API_KEY=e2b_1"}, []string{"run"}, "http://127.0.0.1:1"},
		"no domain":        {[]string{"E2B_DOMAIN=https://e2b.test"}, []string{"run"}, "is no domain"},
		"a bad setting":    {[]string{"WAKE_SECONDS=1"}, []string{"invoke", "resume", "events/resume.json"}, "ended with the error above"},
	} {
		t.Run(name, func(t *testing.T) {
			code, said := call(t, c.env, c.args...)
			if code != 1 || !strings.Contains(said, c.want) || strings.Contains(said, "goroutine") || strings.Contains(said, "hunter2") {
				t.Errorf("exit %d, want 1 and %q in:\n%s", code, c.want, said)
			}
		})
	}
}

// TestAKilledSystemIsForgotten: what it left keeps no other from coming up.
func TestAKilledSystemIsForgotten(t *testing.T) {
	stop := keepUp(t, nil)
	stop(syscall.SIGKILL)
	if code, said := call(t, nil, "invoke", "status", "events/status.json"); code != 0 || !strings.Contains(said, `"statusCode":404`) {
		t.Errorf("after a kill: %d\n%s", code, said)
	}
	gone(t, "env")
}

// assignments are those of .local/env.
func assignments(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(local("env"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		found[name] = strings.Trim(value, "'")
	}
	return found
}
