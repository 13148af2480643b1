package main

import (
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
)

// site is a request for an app that serves these files, of its folder site.
func site(files map[string]string) job.Request {
	r := starts("echo the server\\'s own words; exec {self} site")
	r.Source.Files = map[string]job.File{}
	for name, text := range files {
		r.Source.Files["site/"+name] = job.File{Content: []byte(text)}
	}
	return r
}

const vitePage = `<!doctype html><script type="module" src="/@vite/client"></script><div id="root"></div><script type="module" src="/src/main.jsx"></script>`

// viteError is what Vite answers in place of a module.
const viteError = "<script type=\"module\">\nconst error = {\"message\":\"Failed to resolve import \\\"./x.js\\\", not-for-you\",\"stack\":\"at\"}\n</script>"

// A page whose own scripts cannot be made stays white, or under an overlay.
func TestAPageWhoseScriptsFailIsNotReady(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"the page's own": {map[string]string{"index.html": vitePage, "src/main.jsx": viteError, "src/main.jsx.status": "500"},
			"The app showed a page that does not work on port 3000 within 30s of its start. " +
				"Its script /src/main.jsx answered 500 Internal Server Error: Failed to resolve import \"./x.js\", ***. Its"},
		"what that imports": {map[string]string{"index.html": vitePage, "src/main.jsx": "import App from \"/src/App.jsx\"", "src/App.jsx": "Syntax error", "src/App.jsx.status": "500"},
			"The app showed a page that does not work on port 3000 within 30s of its start. " +
				"Its script /src/App.jsx answered 500 Internal Server Error. Its last output was:\nthe server's own words"},
		"a bundle": {map[string]string{"index.html": "<!doctype html><script defer src=bundle.js></script>", "bundle.js": `throw new Error("Module build failed (from babel):\nSyntaxError: no");`},
			"The app showed a page that does not work on port 3000 within 30s of its start. " +
				"Its script /bundle.js answered 200 OK: Module build failed (from babel):\nSyntaxError: no. Its"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := site(c.files)
			r.Env = map[string]string{"TOKEN": "not-for-you"}
			row := b.givenUp(r, failsWithin)
			if row.Status != job.Failed || !strings.HasPrefix(row.ErrorMessage, c.want) {
				t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
			}
		})
	}
}

// A page that shows nothing, or nothing but a failure, is none, with 200 too.
func TestAPageWithoutTheAppIsNotReady(t *testing.T) {
	for name, c := range map[string]struct{ html, want string }{
		"empty":     {" \n", "The app showed a page with nothing in it on port 3000 within 30s of its start. Its last output was:\nthe server's own words"},
		"a failure": {`<!doctype html><script>{"page":"/_error","err":{"message":"no ./x"}}</script>`, "The app answered 200 OK on port 3000 within 30s of its start. It says: no ./x. Its last"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			row := b.givenUp(site(map[string]string{"index.html": c.html}), failsWithin)
			if row.Status != job.Failed || !strings.HasPrefix(row.ErrorMessage, c.want) {
				t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
			}
		})
	}
}

// A dev server that was not done with a script makes it a moment later.
func TestAScriptThatHealsIsNoFailure(t *testing.T) {
	b := setup(t)
	r := site(map[string]string{"index.html": vitePage, "src/main.jsx": viteError, "src/main.jsx.status": "500"})
	j := b.at(b.spent(r, 0).ID, job.Checks)
	b.Run(j, "rm project/site/src/main.jsx.status")
	b.ready(j.ID)
}

// Nothing but a server's own error tells against a page.
func TestAPageThatMayWorkIsReady(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"with a missing script":     {"index.html": vitePage},
		"with another host's":       {"index.html": `<!doctype html><script src="https://cdn.invalid/x.js"></script>`},
		"with a broken tool beside": {"index.html": vitePage, "src/main.jsx": "export {}", "@vite/client": "x", "@vite/client.status": "500"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.ready(b.accept(site(files)).ID)
		})
	}
}

// A script that takes its time holds no turn, and says nothing.
func TestASlowScriptIsNoFailure(t *testing.T) {
	b := setup(t)
	j := b.accept(site(map[string]string{"index.html": vitePage, "src/main.jsx": viteError, "src/main.jsx.status": "-1"}))
	began := time.Now()
	b.ready(j.ID)
	if took := time.Since(began); took > 4*lookTime {
		t.Errorf("it took %v", took)
	}
}
