package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"siesta/shared/e2b"
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

// plan is how the app is run: by the request's own commands, else by what its
// files say.
func (t *turn) plan(ctx context.Context, request job.Request) (job.Plan, error) {
	var plan job.Plan
	var w workspace
	own := request.Commands
	if own.Install == nil || own.Start == nil {
		var err error
		if w, err = t.readWorkspace(ctx); err != nil {
			return job.Plan{}, err
		}
		var ok bool
		if plan, ok = detect(w); !ok && own.Start == nil {
			return job.Plan{}, failed(nil, "Nothing in the source says how to start this app. "+
				"Add a package.json, an index.html or a Python app at its root, or name commands.start.")
		}
	}
	for _, c := range []struct{ own, to *string }{{own.Install, &plan.Install}, {own.Check, &plan.Check}, {own.Start, &plan.Start}} {
		if c.own != nil {
			*c.to = *c.own
		}
	}
	if plan.Port == 0 {
		plan.Port = job.DefaultPort
	}
	if request.Port != nil {
		plan.Port, plan.Named = *request.Port, true
	}
	var err error
	plan.Preload, err = t.preload(ctx, w, plan.Port)
	return plan, err
}

// readWorkspace reads what detection needs: the source may have come with the
// template, or from the generator.
func (t *turn) readWorkspace(ctx context.Context) (workspace, error) {
	w := workspace{names: map[string]bool{}, files: map[string][]byte{}}
	names, err := t.envd.List(ctx, job.Workspace)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if errors.Is(err, e2b.ErrRefused) {
		return w, failed(err, "The project's folder cannot be listed: it has too many files at its top, or is no folder.")
	}
	if err != nil {
		return w, fmt.Errorf("list workspace: %w", err)
	}
	for _, name := range names {
		w.names[name] = true
	}
	const maxFile = 1 << 20
	for _, name := range readForDetection {
		if !w.names[name] {
			continue
		}
		if w.files[name], err = t.envd.ReadFile(ctx, path.Join(job.Workspace, name), 0, maxFile); err != nil {
			if errors.Is(err, e2b.ErrRefused) {
				return w, failed(err, "%s at the top of the project cannot be read: it must be a file.", name)
			}
			return w, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return w, nil
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
	return job.Plan{Port: job.DefaultPort, Start: `cd ` + folder + ` && if command -v python3 >/dev/null; then
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
		plan.Start = pm.run("dev")
	case uses("vite") && (dev == "" && !uses("express", "@hono/node-server") || strings.Contains(dev, "vite")):
		// Vite listens on localhost, and on another port when its own is taken,
		// unless told otherwise.
		plan.Port = 5173
		plan.Start = pm.run("dev", "--host", "0.0.0.0", "--port", `"$PORT"`, "--strictPort")
		if dev == "" {
			plan.Start = `exec npx vite --host 0.0.0.0 --port "$PORT" --strictPort`
		}
	case uses("react-scripts"):
		plan.Start = pm.run("start")
	case uses("express", "@hono/node-server"):
		plan.Start = pm.run("start")
		if start == "" && dev != "" {
			plan.Start = pm.run("dev")
		}
	case dev != "":
		plan.Start = pm.run("dev")
	case start != "":
		plan.Start = pm.run("start")
	default:
		plan.Start = pm.run("dev")
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
