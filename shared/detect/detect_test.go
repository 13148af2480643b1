package detect

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"siesta/shared/job"
)

var update = flag.Bool("update", false, "write the plans of testdata and the tables of docs/builds.md anew")

// outcome is what a file of testdata begins with, in JSON: the plan of the
// project that follows it, or why there is none.
type outcome struct {
	*job.Plan
	Error string `json:"error,omitempty"`
}

// TestPlans holds each project of testdata to the plan that stands above it. To
// look at what a change does to them: go test ./shared/detect -update.
func TestPlans(t *testing.T) {
	t.Parallel()
	for file, project := range projects(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, files, _ := strings.Cut(string(data), "\n-- ")
			got := show(t, project)
			if *update {
				if err := os.WriteFile(file, []byte(got+"\n-- "+files), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// projects are those of testdata by their file.
func projects(t *testing.T) map[string]View {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no projects: %v", err)
	}
	all := map[string]View{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, files, _ := strings.Cut(string(data), "\n-- ")
		all[file] = projectOf("-- " + files)
	}
	return all
}

// projectOf is a view of files that each follow their name.
func projectOf(files string) View {
	v := View{Names: map[string]bool{}, Files: map[string]File{}}
	for part := range strings.SplitSeq("\n"+files, "\n-- ") {
		name, text, ok := strings.Cut(part+"\n", " --\n") // an empty file has no line
		if !ok {
			continue
		}
		v.Names[name] = true
		v.Files[name] = File{Size: int64(len(text)), Text: text}
		for i, c := range name {
			if c == '/' {
				v.Names[name[:i+1]] = true
			}
		}
	}
	return v
}

// show is a plan as testdata has it: what all of a kind have alike is shortened.
func show(t *testing.T, v View) string {
	t.Helper()
	var o outcome
	plan, err := Plan(v)
	if err != nil {
		o.Error = err.Error()
	} else {
		npm := manager{name: "npm", flags: npmFlags}
		locked := npm
		locked.locked = true
		shorten := strings.NewReplacer(pyprojectScript, "(pyproject.py)\n", npm.install(), "(npm install)", locked.install(), "(npm ci, else npm install)")
		plan.Install = shorten.Replace(plan.Install)
		o.Plan = &plan
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(o); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// TestAKindHasAProject: a row of the tables that no project of testdata becomes
// is one that nobody has seen work.
func TestAKindHasAProject(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, project := range projects(t) {
		if plan, err := Plan(project); err == nil {
			seen[plan.Framework] = true
		}
	}
	for _, name := range kindNames() {
		if !seen[name] {
			t.Errorf("no project of testdata is a %s", name)
		}
	}
}

func TestAPackageJSONThatIsTooLargeIsSaid(t *testing.T) {
	t.Parallel()
	v := projectOf("-- package.json --\n{")
	v.Files["package.json"] = File{Size: 10_000_000, Text: strings.Repeat(" ", maxManifest)}
	var invalid *job.InvalidError
	if _, err := Plan(v); !errors.As(err, &invalid) || !strings.Contains(invalid.Error(), "10 MB") {
		t.Errorf("got %v", err)
	}
}

// TestWhatIsListedIsInstalled: who names a start command may leave the rest to us.
func TestWhatIsListedIsInstalled(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{"package.json --\n{\"dependencies\":{\"a\":\"1\"}}": "npm install", "requirements.txt --\na": "-r requirements.txt", "README.md --\na": ""} {
		plan, err := Plan(projectOf("-- " + file))
		if !errors.Is(err, ErrNothing) || !strings.Contains(plan.Install, want) || (want == "") != (plan.Install == "") || plan.Start != "" {
			t.Errorf("%s: got %+v, %v", file, plan, err)
		}
	}
}

// TestANamedPortIsTheServers: of servers side by side, none could be told apart;
// a port that the request names is for them to find.
func TestANamedPortIsTheServers(t *testing.T) {
	t.Parallel()
	v := projectOf("-- package.json --\n" + `{"scripts":{"dev":"concurrently vite 'node server.js'"},"devDependencies":{"vite":"6"}}`)
	if plan, err := Plan(v); err != nil || !strings.Contains(plan.Start, "unset PORT") {
		t.Errorf("two servers share PORT: %q, %v", plan.Start, err)
	}
	v.Port = 3000
	if plan, err := Plan(v); err != nil || strings.Contains(plan.Start, "unset PORT") {
		t.Errorf("the request's port is kept from the servers: %q, %v", plan.Start, err)
	}
}

func FuzzPlan(f *testing.F) {
	f.Add(`{"dependencies":{"vite":"7"},"scripts":{"dev":"vite"}}`, "web: gunicorn a:b", "import flask")
	f.Add(`{"scripts":{"dev":"npm run dev & 'yarn dev && concurrently \"npm:*\"","start":"cd x; turbo -F= start"},"workspaces":[]}`, "", "")
	f.Fuzz(func(t *testing.T, manifest, procfile, code string) {
		plan, err := Plan(projectOf("-- package.json --\n" + manifest + "\n-- Procfile --\n" + procfile + "\n-- main.py --\n" + code + "\n-- a/package.json --\n" + manifest))
		if err == nil && (plan.Start == "" || plan.Port <= 0 || plan.Framework == "" || plan.Why == "") {
			t.Errorf("got %+v", plan)
		}
	})
}
