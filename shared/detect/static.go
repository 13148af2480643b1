package detect

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"siesta/shared/job"
)

// builtFolders may hold a page that is built already, or was never to be built.
var builtFolders = []string{"public", "dist", "build", "out", "docs", "site", "www", "static", "src"}

// isPart reports whether a folder's name is that of a part of an app.
func isPart(folder string) bool {
	return slices.Contains([]string{"public", "static", "dist", "build", "out", "assets", "templates"}, folder)
}

// page is the plan of files that are served as they are.
func page(v View) (job.Plan, error) {
	if !v.Names["index.html"] {
		return job.Plan{}, ErrNothing
	}
	plan := static(".", "index.html")
	if m, err := readManifest(v); err == nil && len(m.Dependencies.is)+len(m.DevDependencies.is) > 0 {
		plan.Install = managerOf(v, m).install() // it may take from node_modules
	}
	return plan, nil
}

// builtPage is for a page that is not at the root, or not named index.html.
func builtPage(v View) (job.Plan, error) {
	for _, folder := range builtFolders {
		if v.Names[folder+"/index.html"] {
			return static(folder, folder+"/index.html"), nil
		}
	}
	if v.Names["public/"] {
		return static("public", "public/"), nil
	}
	var pages []string
	for _, name := range v.ending(".html") {
		if !strings.Contains(name, "/") {
			pages = append(pages, name)
		}
	}
	if len(pages) != 1 {
		return job.Plan{}, ErrNothing
	}
	plan := static(".", pages[0]) // under the root's address, beside its own files
	plan.Start = `root=$(mktemp -d) && ln -s "$PWD"/* "$root" && ln -s "$PWD"/` + quote(pages[0]) + ` "$root/index.html" && cd "$root" && ` + plan.Start
	plan.Reloads = false // what is new has no link
	return plan, nil
}

// static serves a folder of files with whatever server the sandbox has. No browser
// may keep them: it would take them for fresh for a tenth of their age, and after a
// way back those that were put back are the older ones.
func static(folder, file string) job.Plan {
	return job.Plan{Framework: "static", Port: job.DefaultPort, Reloads: true, Why: because("static files", file), Start: `cd ` + folder + ` && if command -v python3 >/dev/null; then
	exec python3 -c 'import http.server, os
class Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()'
elif command -v busybox >/dev/null; then
	exec busybox httpd -f -p "0.0.0.0:$PORT"
else
	exec npx --yes serve --listen "tcp://0.0.0.0:$PORT"
fi`}
}

var webLine = regexp.MustCompile(`(?m)^web: *(.+?) *$`)

// procfile is the plan of a Procfile's web process.
func procfile(v View) (job.Plan, bool) {
	found := webLine.FindStringSubmatch(v.text("Procfile"))
	if found == nil {
		return job.Plan{}, false
	}
	plan := job.Plan{Framework: "procfile", Port: job.DefaultPort, Start: found[1], Reloads: reloads(found[1])}
	why := ""
	if len(v.ending(".py")) > 0 {
		kind := plainPython
		if program, _, _ := strings.Cut(found[1], " "); slices.Contains([]string{"gunicorn", "uvicorn", "hypercorn", "daphne", "waitress"}, program) {
			kind.Needs = program
		}
		env := pythonInstall(v, "", kind)
		plan.Port, plan.Install, plan.Env, why = kind.Port, env.install, unbuffered, env.why
		plan.Start = `export PATH="$PWD/.venv/bin:$PATH" && ` + plan.Start
	}
	plan.Why = because("Procfile", why)
	return plan, true
}

var (
	exposes = regexp.MustCompile(`(?mi)^EXPOSE\s+(\d+)`)
	runsCMD = regexp.MustCompile(`(?mi)^CMD\s+(.+?)\s*$`)
)

// dockerfile is what a Dockerfile alone hints at: what it would install is not
// there.
func dockerfile(v View) (job.Plan, error) {
	text := v.text("Dockerfile")
	all := runsCMD.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return job.Plan{}, ErrNothing
	}
	start := all[len(all)-1][1] // the last one counts
	var words []string
	if json.Unmarshal([]byte(start), &words) == nil {
		for i, word := range words {
			words[i] = quote(word)
		}
		start = strings.Join(words, " ")
	}
	plan := job.Plan{Framework: "dockerfile", Port: job.DefaultPort, Start: start, Reloads: reloads(start)}
	if found := exposes.FindStringSubmatch(text); found != nil && number(found[1]) > 0 {
		plan.Port = number(found[1])
	}
	plan.Why = because("the CMD of a Dockerfile, of which nothing is built")
	return plan, nil
}
