package main

import (
	"bufio"
	"bytes"
	"strings"

	"siesta/shared/job"
)

// detectPython covers the usual servers; ok is false when no file to run is
// there.
func detectPython(w workspace) (plan job.Plan, ok bool) {
	plan = job.Plan{Port: 8000}
	python := "python3"
	needs := strings.ToLower(string(w.files["requirements.txt"]) + "\n" + string(w.files["pyproject.toml"]))
	const venv = "python3 -m venv .venv && .venv/bin/python -m pip install --disable-pip-version-check "
	switch {
	case hasRequirements(w.files["requirements.txt"]):
		plan.Install, python = venv+"-r requirements.txt", ".venv/bin/python"
	case w.names["pyproject.toml"]:
		plan.Install, python = venv+".", ".venv/bin/python"
	}
	file := w.has("main.py", "app.py", "server.py")
	module := strings.TrimSuffix(file, ".py")
	uses := func(name string) bool { return strings.Contains(needs, name) }
	switch {
	case w.names["manage.py"]:
		plan.Start = `manage.py runserver "0.0.0.0:$PORT"`
	case file == "":
		return job.Plan{}, false
	case uses("streamlit"):
		plan.Start = `-m streamlit run ` + file + ` --server.address 0.0.0.0 --server.port "$PORT" --server.headless true`
	case uses("fastapi") || uses("uvicorn") || uses("starlette"):
		plan.Start = `-m uvicorn ` + module + `:app --host 0.0.0.0 --port "$PORT"`
	case uses("flask"):
		plan.Start = `-m flask --app ` + module + ` run --host 0.0.0.0 --port "$PORT"`
	default:
		plan.Start = file
	}
	plan.Start = "exec " + python + " " + plan.Start
	return plan, true
}

// hasRequirements reports whether a requirements.txt names anything.
func hasRequirements(data []byte) bool {
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			return true
		}
	}
	return false
}
