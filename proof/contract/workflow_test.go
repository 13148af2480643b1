package contract

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"siesta/local/template"
)

const workflow = "docs/examples/deploy.yml"

var (
	uses    = regexp.MustCompile(`(?m)^.*\buses:.*$`)
	pinned  = regexp.MustCompile(`^ +- uses: ([a-z-]+/[a-z-]+)@([0-9a-f]{40}) # (v[0-9]+\.[0-9]+\.[0-9]+)$`)
	targets = regexp.MustCompile(`\bmake ([a-z.][a-z0-9./-]*)`)
)

// TestTheWorkflowAsksForLittle: a job has the rights that it needs, and no secret of
// GitHub's is used.
func TestTheWorkflowAsksForLittle(t *testing.T) {
	text := read(t, workflow)
	if strings.Contains(text, "secrets.") || strings.Contains(text, "ACCESS_KEY") {
		t.Error("the workflow has a key that lives for long")
	}
	document, err := template.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if p := document.At("permissions"); p.Value == nil || len(p.Keys()) > 0 || p.Text() != "" {
		t.Errorf("every job may %v", p.Value) // without a word of it, what the repository's settings say
	}
	for job, want := range map[string]string{"check": "contents: read", "deploy": "contents: read, id-token: write"} {
		j := document.At("jobs", job)
		var rights []string
		for _, name := range j.At("permissions").Keys() {
			rights = append(rights, name+": "+j.At("permissions", name).Text())
		}
		slices.Sort(rights)
		if got := strings.Join(rights, ", "); got != want {
			t.Errorf("%s may %q, want %q", job, got, want)
		}
		if j.At("timeout-minutes").Number() == 0 {
			t.Errorf("%s has no end", job)
		}
	}
}

// TestTheWorkflowsActionsStayAsTheyAre: each is named by its commit, since whoever owns an
// action may move a tag, with the tag that it had beside it; one action is one commit.
func TestTheWorkflowsActionsStayAsTheyAre(t *testing.T) {
	commits := map[string]string{}
	for _, line := range uses.FindAllString(read(t, workflow), -1) {
		m := pinned.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%q may change, or does not say which version it is", line)
			continue
		}
		if at := m[2] + " " + m[3]; commits[m[1]] != "" && commits[m[1]] != at {
			t.Errorf("%s is used at %s and at %s", m[1], commits[m[1]], at)
		} else {
			commits[m[1]] = at
		}
	}
	if len(commits) != 3 {
		t.Errorf("the workflow uses %v, want three actions", commits)
	}
}

// TestTheWorkflowDeploysWhatIsChecked: a commit of main alone, after its check, in the
// environment that AWS trusts, by the role of the stack; a deployment is never cut, and no
// token is printed or left on the runner.
func TestTheWorkflowDeploysWhatIsChecked(t *testing.T) {
	text := read(t, workflow)
	document, err := template.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	deploy := document.At("jobs", "deploy")
	for what, got := range map[string]string{
		"check": deploy.At("needs").Text(), "staging": deploy.At("environment").Text(),
		"push": strings.Join(document.At("on").Keys(), ", "), "main": document.At("on", "push", "branches").Text(),
	} {
		if got != what {
			t.Errorf("the workflow says %q where it should say %q", got, what)
		}
	}
	if document.At("concurrency", "cancel-in-progress").Value != false {
		t.Error("a deployment may be cut by the next one")
	}
	if !strings.Contains(read(t, "docs/examples/trust.json"), `:environment:`+deploy.At("environment").Text()+`"`) {
		t.Error("docs/examples/trust.json trusts another environment than the one that deploys")
	}
	for _, job := range document.At("jobs").Keys() {
		for _, step := range document.At("jobs", job, "steps").List() {
			if strings.HasPrefix(step.At("uses").Text(), "actions/checkout@") && step.At("with", "persist-credentials").Value != false {
				t.Errorf("%s leaves GitHub's token in the checkout", job)
			}
			if run := step.At("run").Text(); strings.Contains(run, "sam deploy") && !strings.Contains(run, `--role-arn "$STACK_ROLE_ARN"`) {
				t.Error("the role that the job takes would make the stack itself")
			}
		}
	}
	if mask, use := strings.Index(text, "::add-mask::$TOKEN"), strings.Index(text, "export TOKEN"); mask < 0 || use < mask {
		t.Error("the token of the smoke test may be printed")
	}
}

// TestTheWorkflowCallsWhatThereIs: its targets are the Makefile's, its stage is one of
// samconfig.toml, and what it shows is what docs/deploy.md tells.
func TestTheWorkflowCallsWhatThereIs(t *testing.T) {
	text, makefile, page := read(t, workflow), read(t, "Makefile"), read(t, "docs/deploy.md")
	called := targets.FindAllStringSubmatch(regexp.MustCompile(`(?m)#.*$`).ReplaceAllString(text, ""), -1)
	var names []string
	for _, c := range called {
		names = append(names, c[1])
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(c[1]) + `:`).MatchString(makefile) {
			t.Errorf("the Makefile has no %s", c[1])
		}
	}
	for _, wanted := range []string{"check", "demo"} {
		if !slices.Contains(names, wanted) {
			t.Errorf("the workflow calls %v, not %s", names, wanted)
		}
	}
	for _, command := range []string{"sam build --config-env staging", "sam deploy --config-env staging", "--stack-name siesta-staging ", `make demo API_URL="$API_URL"`} {
		if !strings.Contains(text, command) {
			t.Errorf("the workflow has no %q", command)
		}
	}
	if len(overrides(t, "staging")) == 0 {
		t.Error("samconfig.toml has no stage staging")
	}
	if trust := read(t, "docs/examples/trust.json"); !strings.Contains(page, fmt.Sprintf("```json\n%s```", trust)) {
		t.Error("docs/deploy.md does not show docs/examples/trust.json as it is")
	}
	for _, variable := range regexp.MustCompile(`vars\.([A-Z_]+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(page, variable[1]) {
			t.Errorf("docs/deploy.md does not tell of %s", variable[1])
		}
	}
	for _, file := range regexp.MustCompile(`file://(docs/[a-z/.]+)`).FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat("../../" + file[1]); err != nil {
			t.Error(err)
		}
	}
}
