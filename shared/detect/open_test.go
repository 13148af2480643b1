package detect

import (
	"maps"
	"strings"
	"testing"

	"siesta/shared/job"
)

// TestAStartOfTheRequestIsOpenedToo: by what the files say, wherever they lie.
func TestAStartOfTheRequestIsOpenedToo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files  string
		before string
		env    map[string]string
	}{
		"react-scripts": {"-- package.json --\n" + `{"dependencies":{"react-scripts":"5"}}`, "", map[string]string{"DANGEROUSLY_DISABLE_HOST_CHECK": "true"}},
		"one down":      {"-- web/package.json --\n" + `{"dependencies":{"react-scripts":"5"}}`, "", map[string]string{"DANGEROUSLY_DISABLE_HOST_CHECK": "true"}},
		"Vue CLI":       {"-- package.json --\n" + `{"devDependencies":{"@vue/cli-service":"5"}}`, "VUE_CLI_SERVICE_CONFIG_PATH", map[string]string{}},
		"Django":        {"-- manage.py --\n\"DJANGO_SETTINGS_MODULE\", \"site.settings\"", "from ${DJANGO_SETTINGS_MODULE:-site.settings} import *", unbuffered},
		"Django, below": {"-- back/manage.py --\n\"DJANGO_SETTINGS_MODULE\", \"site.settings\"", "from ${DJANGO_SETTINGS_MODULE:-site.settings} import *", unbuffered},
		"Rails":         {"-- bin/rails --\n", "export RAILS_DEVELOPMENT_HOSTS", map[string]string{}},
		"Python":        {"-- app/x.py --\n", "", unbuffered},
		"nothing":       {"-- README.md --\n", "", map[string]string{}},
	} {
		v := projectOf(c.files)
		const own = "exec ./start.sh\necho"
		plan := Open(v, job.Plan{Framework: "x", Env: map[string]string{"A": "b"}}, own)
		if !strings.HasSuffix(plan.Start, own) || !strings.Contains(plan.Start, c.before) || c.before == "" && plan.Start != own {
			t.Errorf("%s: it starts\n%s", name, plan.Start)
		}
		want := maps.Clone(c.env)
		want["A"] = "b"
		if !maps.Equal(plan.Env, want) || plan.Framework != "x" {
			t.Errorf("%s: it has %v, want %v", name, plan.Env, want)
		}
	}
}

// TestAStartOfSeveralServersIsKnownAsOne: the first that answers need not be the page.
func TestAStartOfSeveralServersIsKnownAsOne(t *testing.T) {
	t.Parallel()
	for start, want := range map[string]bool{
		"npx concurrently vite 'node server.js'": true,
		"npm run both":                           true,
		"python api.py & python -m http.server":  true,
		"npm run dev":                            false,
		"tsc -w & node dist/server.js":           false,
		"vite build --watch & node server.js":    false,
		"cd api && node server.js":               false,
		"":                                       false,
	} {
		v := projectOf("-- package.json --\n" + `{"scripts":{"dev":"vite","both":"run-p dev api","api":"node server.js"},"devDependencies":{"vite":"6"}}`)
		if plan := Open(v, job.Plan{}, start); plan.Several != want {
			t.Errorf("%q is several servers: %v", start, plan.Several)
		}
	}
	if plan := Open(projectOf("-- a.py --\n"), job.Plan{Several: true}, "python a.py"); plan.Several {
		t.Error("a start of one server is taken for the plan's")
	}
}
