package detect

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommandsAreBash: whatever a plan is put together from, a shell can read it.
func TestCommandsAreBash(t *testing.T) {
	t.Parallel()
	for file, project := range projects(t) {
		plan, err := Plan(project)
		if err != nil {
			continue
		}
		for _, command := range []string{plan.Install, plan.Start, within("a folder", plan).Install, within("a folder", plan).Start} {
			if out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", command).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: %v, %s\n%s", file, err, out, command)
			}
		}
	}
}

// TestTheViewHasWhatAPlanReads: a project on a disk becomes what it is here.
func TestTheViewHasWhatAPlanReads(t *testing.T) {
	t.Parallel()
	for file, project := range projects(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, f := range project.Files {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(f.Text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-s", dir)
			cmd.Stdin = strings.NewReader(Script)
			printed, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			view, err := ParseView(printed)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := show(t, view), show(t, project); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestDependenciesOfAPyproject(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"PEP 621": {`[build-system]
requires = ["hatchling"]
[project]
name = "x"
dependencies = [
  "fastapi>=0.115", # the web
  "uvicorn[standard] ; python_version > '3.8'",
]
[dependency-groups]
dev = ["ruff", {include-group = "test"}]
test = ["pytest"]
docs = ["mkdocs"]
`, "fastapi>=0.115|uvicorn[standard] ; python_version > '3.8'|ruff|pytest"},
		"groups alone": {"[project]\nname='x'\n[dependency-groups]\nweb=['flask']\n", "flask"},
		"Poetry": {`[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
python = "^3.11"
a = "^1.2.3"
b = "^0.2.3"
c = "^0.0.3"
d = "~1.2"
e = "*"
f = "1.5"
g = {version = ">=1,<3", extras = ["x", "y"], markers = "sys_platform == 'linux'"}
h = {git = "https://example.com/h.git", tag = "v1"}
i = {version = "^2", optional = true}
j = [{version = "^3"}, {version = "^4"}]
k = "~2"
`, "a>=1.2.3,<2|b>=0.2.3,<0.3|c>=0.0.3,<0.0.4|d>=1.2,<1.3|e|f==1.5|g[x,y]>=1,<3 ; sys_platform == 'linux'|h @ git+https://example.com/h.git@v1|j>=3,<4|k>=2,<3"},
		"Pipfile":  {"[packages]\nflask = '*'\nrequests = {version = '~=2.31'}\n[dev-packages]\npytest = '*'\n", "flask|requests~=2.31"},
		"dynamic":  {"[project]\nname='x'\ndynamic=['dependencies']\n", "."},
		"nothing":  {"[tool.ruff]\nline-length = 100\n", ""},
		"odd ones": {"[project]\nname='x'\n[dependency-groups]\nweb=[]\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pyproject.toml")
			if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "python3", "-", file)
			cmd.Stdin = strings.NewReader(pyprojectScript)
			out, err := cmd.CombinedOutput()
			if got := strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "|"); err != nil || got != c.want {
				t.Errorf("%v: got\n%s\nwant\n%s", err, got, c.want)
			}
		})
	}
}

// TestASecondTryIsForContradictionsAlone: npm warns of ERESOLVE where it gets over
// it, and may fail for another reason.
func TestASecondTryIsForContradictionsAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		npm, says string
		code      int
	}{
		"a contradiction": {`case "$*" in *legacy*) echo mended;; *) echo "npm error code ERESOLVE"; exit 1;; esac`, "mended", 0},
		"a warning":       {`case "$*" in *legacy*) echo mended;; *) echo "npm warn ERESOLVE overriding peer dependency"; exit 7;; esac`, "", 7},
		"no memory":       {`kill -9 $$`, "too little memory", 137},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bin := t.TempDir()
			if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/bash\n"+c.npm+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-c", manager{name: "npm", flags: npmFlags}.install())
			cmd.Dir, cmd.Env = bin, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + bin}
			out, _ := cmd.CombinedOutput() // its exit code tells
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) || c.says == "" && strings.Contains(string(out), "mended") {
				t.Errorf("exit %d, want %d:\n%s", code, c.code, out)
			}
		})
	}
}
