package main

import (
	"encoding/json"
	"strings"

	"siesta/shared/job"
)

// workspace is what detection looks at: the names in the app's root folder and
// the few files that tell how an app is run.
type workspace struct {
	names map[string]bool
	files map[string][]byte // of readForDetection, those that exist
}

// readForDetection are the files whose content detection needs.
var readForDetection = []string{"package.json", "requirements.txt", "pyproject.toml"}

func (w workspace) has(names ...string) string {
	for _, name := range names {
		if w.names[name] {
			return name
		}
	}
	return ""
}

// detect finds out how an app is installed and served. ok is false when
// nothing in the workspace says so.
func detect(w workspace) (plan job.Plan, ok bool) {
	switch {
	case w.names["package.json"]:
		return detectNode(w), true
	case w.has("requirements.txt", "pyproject.toml", "app.py", "main.py", "server.py", "manage.py") != "":
		return detectPython(w)
	case w.names["index.html"]:
		return static("."), true
	case w.names["public"]:
		return static("public"), true
	}
	return job.Plan{}, false
}

// static serves a folder of files with whatever server the sandbox has.
func static(folder string) job.Plan {
	return job.Plan{Framework: "static", Port: job.DefaultPort, Start: `cd ` + folder + ` && if command -v python3 >/dev/null; then
	exec python3 -m http.server "$PORT" --bind 0.0.0.0
elif command -v busybox >/dev/null; then
	exec busybox httpd -f -p "0.0.0.0:$PORT"
else
	exec npx --yes serve --listen "tcp://0.0.0.0:$PORT"
fi`}
}

// packageJSON is the part of a package.json that detection looks at. Every
// field may be missing, null or of another type.
type packageJSON struct {
	Dependencies    loose `json:"dependencies"`
	DevDependencies loose `json:"devDependencies"`
	Scripts         loose `json:"scripts"`
}

// loose is an object whose odd forms count as empty.
type loose map[string]json.RawMessage

func (l *loose) UnmarshalJSON(data []byte) error {
	var m map[string]json.RawMessage
	if json.Unmarshal(data, &m) == nil {
		*l = m
	}
	return nil
}

func (l loose) text(name string) string {
	var s string
	_ = json.Unmarshal(l[name], &s) // anything but a string is as good as none
	return s
}

func detectNode(w workspace) job.Plan {
	var p packageJSON
	_ = json.Unmarshal(w.files["package.json"], &p) // unreadable: the table's last row
	uses := func(names ...string) bool {
		for _, name := range names {
			if _, ok := p.Dependencies[name]; ok {
				return true
			}
			if _, ok := p.DevDependencies[name]; ok {
				return true
			}
		}
		return false
	}
	dev, start := p.Scripts.text("dev"), p.Scripts.text("start")
	pm := packageManagerOf(w)
	plan := job.Plan{Install: pm.install, Port: job.DefaultPort}
	switch {
	case uses("next"):
		plan.Framework, plan.Start = "next", pm.run("dev")
	case uses("vite") && (dev == "" && !uses("express", "@hono/node-server") || strings.Contains(dev, "vite")):
		// Vite listens on localhost, and on another port when its own is taken,
		// unless told otherwise.
		plan.Framework, plan.Port = "vite", 5173
		plan.Start = pm.run("dev", "--host", "0.0.0.0", "--port", `"$PORT"`, "--strictPort")
		if dev == "" {
			plan.Start = `exec npx vite --host 0.0.0.0 --port "$PORT" --strictPort`
		}
	case uses("react-scripts"):
		plan.Framework, plan.Start = "react-scripts", pm.run("start")
	case uses("express", "@hono/node-server"):
		plan.Framework, plan.Start = "node", pm.run("start")
		if start == "" && dev != "" {
			plan.Start = pm.run("dev")
		}
	case dev != "":
		plan.Framework, plan.Start = "node", pm.run("dev")
	case start != "":
		plan.Framework, plan.Start = "node", pm.run("start")
	default:
		plan.Framework, plan.Start = "node", pm.run("dev")
	}
	return plan
}

// packageManager is what a lock file names.
type packageManager struct {
	command string
	install string
	args    string // what parts a script's own arguments from the manager's
}

func packageManagerOf(w workspace) packageManager {
	switch {
	case w.names["pnpm-lock.yaml"]:
		return packageManager{command: "npx --yes pnpm", install: "npx --yes pnpm install"}
	case w.names["yarn.lock"]:
		return packageManager{command: "npx --yes yarn", install: "npx --yes yarn install"}
	case w.has("bun.lock", "bun.lockb") != "":
		return packageManager{command: "npx --yes bun", install: "npx --yes bun install"}
	case w.has("package-lock.json", "npm-shrinkwrap.json") != "":
		// A generated app's lock file is often behind its package.json; npm ci
		// refuses such a pair, npm install mends it.
		return packageManager{command: "npm", install: "npm ci --no-audit --no-fund || npm install --no-audit --no-fund", args: "--"}
	}
	return packageManager{command: "npm", install: "npm install --no-audit --no-fund", args: "--"}
}

func (p packageManager) run(script string, args ...string) string {
	words := []string{"exec", p.command, "run", script}
	if len(args) > 0 && p.args != "" {
		words = append(words, p.args)
	}
	return strings.Join(append(words, args...), " ")
}
