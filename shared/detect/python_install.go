package detect

import (
	_ "embed" // the script
	"regexp"
	"slices"
	"strings"
)

//go:embed pyproject.py
var pyprojectScript string

// environment is what a Python app is installed into.
type environment struct {
	install string
	python  string
	why     string
}

const (
	venvPython = ".venv/bin/python"
	makeVenv   = "python3 -m venv .venv && "
)

// pythonInstall installs what a project lists, with what the kind needs beside
// it. One that lists nothing gets what its entry imports, as far as that is known.
func pythonInstall(v View, entry string, kind pythonKind) environment {
	missing := func(file string) string {
		listed := strings.ToLower(v.text(file))
		if kind.Needs == "" || strings.Contains(listed, kind.Needs) || strings.Contains(listed, "[standard]") || strings.Contains(listed, "[all]") {
			return ""
		}
		return " " + kind.Needs
	}
	and := func(need string) string {
		if need == "" {
			return ""
		}
		return " and" + need
	}
	file := v.has("pyproject.toml", "Pipfile")
	switch {
	case hasRequirements(v.text("requirements.txt")):
		need := missing("requirements.txt")
		return environment{install: makeVenv + pip("-r requirements.txt"+need), python: venvPython, why: "requirements.txt" + and(need)}
	case file != "":
		need := missing(file)
		install := makeVenv + venvPython + " - " + file + " >.venv/listed.txt <<'EOF' || exit\n" + pyprojectScript + "EOF\n" + pip("-r .venv/listed.txt"+need)
		if v.Names["uv.lock"] && need == "" {
			install = "! command -v uv >/dev/null || exec uv sync --no-install-project\n" + install
		}
		return environment{install: install, python: venvPython, why: file + and(need)}
	}
	if assumed := assume(entry, kind); len(assumed) > 0 {
		words := strings.Join(assumed, " ")
		return environment{install: makeVenv + pip(words), python: venvPython, why: "assuming " + words + " by its imports"}
	}
	return environment{python: "python3"}
}

// pip installs by uv where the sandbox has it.
func pip(what string) string {
	return "if command -v uv >/dev/null; then uv pip install " + what + "; else " +
		venvPython + " -m pip install --disable-pip-version-check " + what + "; fi"
}

var imported = regexp.MustCompile(`(?m)^\s*(?:from|import) +(\w+)`)

// assume are the packages of a text's imports, for a kind.
func assume(text string, kind pythonKind) (packages []string) {
	for _, found := range imported.FindAllStringSubmatch(text, -1) {
		if name, ok := packageOfImport[found[1]]; ok {
			packages = append(packages, name)
		}
	}
	if kind.Needs != "" {
		packages = append(packages, kind.Needs)
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

// hasRequirements reports whether a requirements.txt names anything.
func hasRequirements(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return true
		}
	}
	return false
}
