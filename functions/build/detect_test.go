package main

import (
	"strings"
	"testing"

	"siesta/local/e2bsim"
	"siesta/shared/detect"
	"siesta/shared/job"
)

// bare is a request with nothing but files.
func bare(files map[string]string) job.Request {
	r := job.Request{ProjectID: job.NewID(), Goal: "a page", Template: "base"}
	r.Source.Files = map[string]job.File{}
	for name, text := range files {
		r.Source.Files[name] = job.File{Content: []byte(text)}
	}
	return r
}

// TestFilesAloneBecomeAPreview: a page in a folder, served by what the sandbox has,
// and shown as it is now, whatever a browser has seen at the address before.
func TestFilesAloneBecomeAPreview(t *testing.T) {
	b := setup(t)
	done := b.ready(b.accept(bare(map[string]string{"my site/index.html": "<h1>Hello</h1>", "my site/-- a b.css": "", "README.md": "x"})).ID)
	cached, _, err := b.cache.Get(t.Context(), done.ID)
	b.OK(err)
	if cached.Plan.Framework != "static" || cached.Plan.Shown() != job.DefaultPort {
		t.Errorf("the cache says %+v", cached.Plan)
	}
	if done.Plan.Framework != "static" || !strings.Contains(done.Plan.Why, "my site/") {
		t.Errorf("got the plan %+v", done.Plan)
	}
	if header, page := b.visit(done, "/", ""); header.Get("Cache-Control") != "no-store" || page != "<h1>Hello</h1>" {
		t.Errorf("browsers may keep %q: %v", page, header)
	}
}

// TestAPageReachesTheServerBesideIt: where it says that it looks for it.
func TestAPageReachesTheServerBesideIt(t *testing.T) {
	b := setup(t)
	done := b.ready(b.accept(bare(map[string]string{
		"frontend/package.json":   `{"scripts":{"dev":"node server.js"}}`,
		"frontend/vite.config.js": `export default { server: { proxy: { "/api": "http://localhost:5055" } } }`,
		"frontend/server.js": `const ask = () => fetch("http://127.0.0.1:5055").then(r => r.text()).catch(() => new Promise(d => setTimeout(d, 50)).then(ask))
require("http").createServer(async (q, s) => s.end("<p>" + process.env.PORT + " " + await ask())).listen(process.env.PORT)`,
		"backend/main.py": `import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"beside " + os.getcwd().encode())
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()`,
	})).ID)
	if got, want := b.ask(done, "/", ""), "<p>3000 beside "+job.Workspace+"/backend"; got != want {
		t.Errorf("the page says %q, want %q", got, want)
	}
}

func TestASourceThatCannotBeFailsInWords(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"a comment": {map[string]string{"package.json": "{\n// here\n\"scripts\": {\"dev\": \"vite\"}}"}, "The source could not be used: package.json has a comment or a trailing comma near line 2"},
		"too large": {map[string]string{"package.json": `{"a":"` + strings.Repeat("x", 3_000_000) + `"}`}, "package.json has 3 MB"},
		"nothing":   {map[string]string{"README.md": "x"}, "Nothing in the source says how to start this app."},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.accept(bare(c.files))
			row := b.until(j.ID, "over", func(j job.Job) bool { return j.Status.Terminal() })
			if row.Status != job.Failed || !strings.Contains(row.ErrorMessage, c.says) {
				t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
			}
		})
	}
}

// TestTheRequestsPortReachesThePlan: servers side by side must look for it.
func TestTheRequestsPortReachesThePlan(t *testing.T) {
	b := setup(t)
	r := bare(map[string]string{"package.json": `{"scripts":{"dev":"concurrently vite 'node server.js'"},"devDependencies":{"vite":"6"}}`})
	port, slow := 4321, "sleep 100000"
	r.Port, r.Commands.Install = &port, &slow
	j := b.at(b.accept(r).ID, job.Deps)
	if j.Plan.Port != port || j.Plan.Framework != "vite" || strings.Contains(j.Plan.Start, "unset PORT") {
		t.Errorf("got the plan %+v", j.Plan)
	}
}

// TestALookIsBounded: however large a project is, it is seen in one answer, its
// root whole, and nothing of its packages.
func TestALookIsBounded(t *testing.T) {
	b := setup(t)
	done := b.ready(b.accept(page()).ID)
	b.Run(done, `mkdir -p project/a project/node_modules/x project/pkg/lib/deep && cd project &&
		head -c 900000 /dev/zero | tr '\0' x >a/main.py && cp a/main.py requirements.txt && cp a/main.py pkg/lib/package.json && cp a/main.py package.json &&
		echo x >node_modules/x/package.json && echo x >pkg/lib/deep/package.json && ln -s /dev/zero a/package.json && mkfifo Procfile &&
		for i in $(seq 3000); do echo >"a/a file with a name that is long, number $i"; done`)
	before := b.Calls(e2bsim.StartProcess)
	v, err := (&turn{envd: b.Inside(done)}).view(t.Context(), job.Workspace)
	b.OK(err)
	if calls := b.Calls(e2bsim.StartProcess) - before; calls != 1 {
		t.Errorf("it took %d calls", calls)
	}
	sum := 0
	for _, file := range v.Files {
		sum += len(file.Text)
	}
	switch {
	case sum > 2_100_000 || len(v.Names) > 3000:
		t.Errorf("%d names and %d bytes are read", len(v.Names), sum)
	case len(v.Files["package.json"].Text) != 900_000 || v.Files["requirements.txt"].Size != 900_000:
		t.Errorf("the root's files are not read: %d, %d", len(v.Files["package.json"].Text), v.Files["requirements.txt"].Size)
	case !v.Names["pkg/lib/package.json"] || v.Names["node_modules/"] || v.Names["pkg/lib/deep/package.json"]:
		t.Errorf("it looks at the wrong folders: %v", v.Names)
	}
	if _, err := detect.Plan(v); err == nil {
		t.Error("a package.json of no JSON makes a plan")
	}
}

// TestTheLogSaysWhatWasUnderstood: in one line, with the reasons.
func TestTheLogSaysWhatWasUnderstood(t *testing.T) {
	const next = `{"dependencies":{"next":"^16.0.1"},"scripts":{"dev":"next dev"}}`
	port, slow, start := 4321, "sleep 100000", "next dev -p $PORT"
	b := setup(t)
	done := b.ready(b.accept(page()).ID)
	for name, c := range map[string]struct {
		files    map[string]string
		commands job.Commands
		port     *int
		want     string
	}{
		"all of it": {map[string]string{"package.json": next, "pnpm-lock.yaml": "lockfileVersion: '9.0'"}, job.Commands{}, nil,
			"Next 16, pnpm 9 by pnpm-lock.yaml, dev script, port 3000"},
		"the request's port": {map[string]string{"package.json": next}, job.Commands{Install: &slow}, &port,
			"Next 16, npm by default, dev script, port 4321 as requested, with commands.install as requested"},
		"what is assumed": {map[string]string{"main.py": "from fastapi import FastAPI\napp = FastAPI()"}, job.Commands{}, nil,
			"FastAPI, main.py, assuming fastapi uvicorn by its imports, port 8000"},
		"a start of its own": {map[string]string{"package.json": next}, job.Commands{Start: &start}, nil,
			"Next 16, npm by default, dev script, port 3000, with commands.start as requested"},
		"nothing": {map[string]string{"README.md": "x"}, job.Commands{Start: &start}, nil,
			"nothing, with commands.start as requested"},
	} {
		b.Run(done, "rm -rf project && mkdir project")
		turn := &turn{handler: b.handler, j: done, envd: b.Inside(done)}
		r := bare(c.files)
		b.OK(turn.upload(t.Context(), r.Source))
		r.Commands, r.Port = c.commands, c.port
		_, err := turn.plan(t.Context(), r)
		b.OK(err)
		if line, _, err := b.cache.LastLog(t.Context(), done.ID); err != nil || line.Text != "Recognized: "+c.want {
			t.Errorf("%s: the log says %q, %v, want %q", name, line.Text, err, c.want)
		}
	}
}

// TestNodeEnvIsTheAppsAlone: what is built with development packages needs them,
// whatever the request's NODE_ENV.
func TestNodeEnvIsTheAppsAlone(t *testing.T) {
	b := setup(t)
	r := bare(map[string]string{
		"package.json": `{"devDependencies":{"a":"file:./a"},"scripts":{"dev":"node server.js"}}`, "a/package.json": `{"name":"a","version":"1.0.0"}`,
		"server.js": `require("a"); require("http").createServer((q, s) => s.end(process.env.NODE_ENV)).listen(process.env.PORT)`, "a/index.js": "",
	})
	r.Env = map[string]string{"NODE_ENV": "production"}
	if got := b.ask(b.ready(b.accept(r).ID), "/", ""); got != "production" {
		t.Errorf("the app has NODE_ENV %q", got)
	}
}

// TestPythonsOutputIsSeenAtOnce: a server's last words are in a pipe's buffer else.
func TestPythonsOutputIsSeenAtOnce(t *testing.T) {
	const server = "import os\nfrom http.server import *\nprint('here it is')\nHTTPServer(('', int(os.environ['PORT'])), SimpleHTTPRequestHandler).serve_forever()"
	none, start := "", "exec python3 main.py"
	for name, own := range map[string]job.Commands{"detected": {}, "named": {Install: &none, Start: &start}} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := bare(map[string]string{"main.py": server})
			r.Commands = own
			j := b.ready(b.accept(r).ID)
			if got := b.Run(j, "cat .siesta/*/*-start/out*"); !strings.Contains(got, "here it is") {
				t.Errorf("it has printed %q", got)
			}
		})
	}
}
