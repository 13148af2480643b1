package main

import (
	"strings"
	"testing"

	"siesta/shared/job"
)

const nextNotFound = `<!doctype html><title>404</title><script src="/docs/_next/static/chunks/main.js"></script>`

// An app that is below a path of its own is shown there.
func TestAPreviewsAddressCarriesTheAppsPath(t *testing.T) {
	const hello = "<!doctype html>hello"
	for name, c := range map[string]struct {
		files map[string]string
		says  string
		path  string
	}{
		"that its 404 names":            {map[string]string{"404.html": nextNotFound, "docs": hello, "docs.status": "200"}, "", "/docs"},
		"that its server prints":        {map[string]string{"404.html": "Cannot GET /", "my-site/index.html": hello}, "http://localhost:$PORT/my-site/", "/my-site/"},
		"that it redirects to":          {map[string]string{"index.html": "/app/", "app/index.html": hello}, "Local: http://localhost:$PORT/app/", "/app/"},
		"but not a log-on's":            {map[string]string{"index.html": "/login/", "login/index.html": hello}, "Local: http://localhost:$PORT/", ""},
		"nor one that has no page":      {map[string]string{"404.html": nextNotFound}, "http://localhost:$PORT/api", ""},
		"nor one that is for something": {map[string]string{"404.html": "Cannot GET /", "api/index.html": "x", "api/index.html.status": "400"}, "http://localhost:$PORT/api/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := site(c.files)
			start := "echo \"" + c.says + "\"; " + *r.Commands.Start
			r.Commands.Start = &start
			j := b.ready(b.accept(r).ID)
			if want := b.e2b.PreviewURL(j.SandboxID, job.DefaultPort) + c.path; j.PreviewURL != want {
				t.Errorf("the preview is at %s, want %s", j.PreviewURL, want)
			}
			if !b.e2b.Probe(t.Context(), j.PreviewURL).Ready() {
				t.Error("nothing is there")
			}
		})
	}
}

func TestAnAppsPathIsFoundOnAnotherPort(t *testing.T) {
	b := setup(t)
	r := site(map[string]string{"404.html": nextNotFound, "docs": "<!doctype html>hello"})
	start := "PORT=4000; export PORT; " + *r.Commands.Start
	r.Commands.Start = &start
	j := b.ready(b.accept(r).ID)
	if want := b.e2b.PreviewURL(j.SandboxID, 4000) + "/docs"; j.PreviewURL != want {
		t.Errorf("the preview is at %s, want %s", j.PreviewURL, want)
	}
}

// Whoever follows a path may come to a failure.
func TestAnAppThatFailsBelowItsPathIsNotReady(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"of its 404":      {"404.html": nextNotFound, "docs": "x", "docs.status": "500"},
		"of its redirect": {"index.html": "/app/", "app/index.html": "x", "app/index.html.status": "500"},
		"by a script":     {"index.html": "/app/", "app/index.html": vitePage, "src/main.jsx": "x", "src/main.jsx.status": "500"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			row := b.givenUp(site(files), failsWithin)
			if row.Status != job.Failed || !strings.Contains(row.ErrorMessage, "answered 500 ") {
				t.Errorf("the job is %s at %s: %s", row.Status, row.PreviewURL, row.ErrorMessage)
			}
		})
	}
}

// What Next has not compiled yet is not there yet.
func TestAnAppThatComesUpBelowItsPathIsWaitedFor(t *testing.T) {
	b := setup(t)
	j := b.at(b.spent(site(map[string]string{"404.html": nextNotFound, "docs": "x", "docs.status": "-1"}), 0).ID, job.Checks)
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Checks {
		t.Fatalf("the job is %s at %s", row.Status, row.PreviewURL)
	}
	b.Run(j, "rm project/site/docs.status")
	if j = b.ready(j.ID); !strings.HasSuffix(j.PreviewURL, "/docs") {
		t.Errorf("the preview is at %s", j.PreviewURL)
	}
}
