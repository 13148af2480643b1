package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"siesta/shared/job"
)

// mirror is an app that says which origin it sees, and Node's options.
func mirror(dependency string) job.Request {
	look := `echo "$NODE_OPTIONS" >>../seen`
	return job.Request{
		ProjectID: job.NewID(), Goal: "a mirror", Template: "base", Commands: job.Commands{Install: &look, Check: &look},
		Env: map[string]string{"NODE_OPTIONS": "--max-http-header-size=10000"},
		Source: job.Source{Files: map[string]job.File{
			"package.json": {Content: fmt.Appendf(nil, `{"dependencies":{%q:"16"},"scripts":{"dev":"node server.js"}}`, dependency)},
			"server.js":    {Content: []byte(`require("http").createServer((q, s) => s.end(q.headers.origin + " " + process.env.NODE_OPTIONS)).listen(process.env.PORT)`)},
		}},
	}
}

// ask is what an app answers to a page of an origin.
func (b *fixture) ask(j job.Job, path, origin string) string {
	b.T.Helper()
	_, page := b.visit(j, path, origin)
	return page
}

// visit is ask, with the answer's header.
func (b *fixture) visit(j job.Job, path, origin string) (http.Header, string) {
	b.T.Helper()
	u, err := url.Parse(j.PreviewURL)
	b.OK(err)
	req, err := http.NewRequestWithContext(b.T.Context(), http.MethodGet, b.Edge+path, nil)
	b.OK(err)
	req.Host = u.Host
	req.Header.Set("Origin", origin)
	resp, err := http.DefaultClient.Do(req)
	b.OK(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	b.OK(err)
	return resp.Header, string(body)
}

// TestNextsOwnRoutesTakeThePreview: Next refuses its scripts and its socket to
// pages that are not localhost's. What is the app's own stays as it was sent.
func TestNextsOwnRoutesTakeThePreview(t *testing.T) {
	b := setup(t)
	j := b.ready(b.accept(mirror("next")).ID)
	u, err := url.Parse(j.PreviewURL)
	b.OK(err)
	const options = " --require " + job.Preload + " --max-http-header-size=10000"
	own := "https://" + u.Host
	for _, c := range []struct{ path, origin, want string }{
		{"/_next/webpack-hmr?id=1", own, "http://localhost"},
		{"/base/_next/hmr", own, "http://localhost"},
		{"/__nextjs_original-stack-frames", own, "http://localhost"},
		{"/_next/webpack-hmr", "https://elsewhere.example", "https://elsewhere.example"},
		{"/_next/webpack-hmr", own + ".elsewhere.example", own + ".elsewhere.example"},
		{"/api/save?back=/_next/x", own, own},
	} {
		if got := b.ask(j, c.path, c.origin); got != c.want+options {
			t.Errorf("%s of %s: the app sees %q, want %q", c.path, c.origin, got, c.want+options)
		}
	}
	if got, want := b.Run(j, "cat seen"), "--max-http-header-size=10000\n--max-http-header-size=10000\n"; got != want {
		t.Errorf("install and check had NODE_OPTIONS\n%swant\n%s", got, want)
	}
}

// TestOtherAppsArePreloadedWithNothing.
func TestOtherAppsArePreloadedWithNothing(t *testing.T) {
	b := setup(t)
	j := b.ready(b.accept(mirror("express")).ID)
	if got, want := b.ask(j, "/_next/x", j.PreviewURL), j.PreviewURL+" --max-http-header-size=10000"; got != want {
		t.Errorf("the app sees %q, want %q", got, want)
	}
}

// TestCommandsOfTheRequestAreOpenedToo: who names them means the app, and not that
// it may refuse its preview.
func TestCommandsOfTheRequestAreOpenedToo(t *testing.T) {
	b := setup(t)
	r, none, start := mirror("next"), "", "# mine\nexec node server.js"
	r.Commands = job.Commands{Install: &none, Start: &start}
	j := b.ready(b.accept(r).ID)
	u, err := url.Parse(j.PreviewURL)
	b.OK(err)
	if got := b.ask(j, "/_next/webpack-hmr", "https://"+u.Host); !strings.HasPrefix(got, "http://localhost --require "+job.Preload) {
		t.Errorf("the app sees %q", got)
	}
	if j.Plan.Start != start || j.Plan.Framework != "next" {
		t.Errorf("the plan is %+v", j.Plan)
	}
}

// TestAToolsOwnViteTakesThePreview: the one that it runs counts, be it listed or
// not, and whatever another one beside it knows.
func TestAToolsOwnViteTakesThePreview(t *testing.T) {
	for own, told := range map[string]bool{"5.4.19": true, "6.0.11": true, "6.1.0": false} {
		t.Run(own, func(t *testing.T) {
			b := setup(t)
			r := mirror("vitepress")
			const tool = "node_modules/vitepress/"
			r.Source.Files = map[string]job.File{
				"package.json":                          {Content: []byte(`{"devDependencies":{"vitepress":"1"},"scripts":{"dev":"node ` + tool + `bin.js --host 0.0.0.0 --port 5173"}}`)},
				tool + "bin.js":                         {Content: []byte(`require("http").createServer((q, s) => s.end(process.argv[3])).listen(5173, process.argv[3])`)},
				tool + "node_modules/vite/package.json": {Content: fmt.Appendf(nil, `{"version":%q}`, own)},
				"node_modules/vite/package.json":        {Content: []byte(`{"version":"7.1.0"}`)},
			}
			j := b.ready(b.accept(r).ID)
			u, err := url.Parse(j.PreviewURL)
			b.OK(err)
			want := "0.0.0.0"
			if told {
				want = u.Hostname()
			}
			if got := b.ask(j, "/", ""); got != want {
				t.Errorf("it listens at %q, want %q", got, want)
			}
		})
	}
}
