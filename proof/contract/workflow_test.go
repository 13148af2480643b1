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
	if p := document.At("permissions"); len(p.Keys()) > 0 || p.Text() != "" {
		t.Errorf("every job may %v", p.Value)
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
