package webpage

import (
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
)

func address(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func paths(urls []*url.URL) string {
	var all []string
	for _, u := range urls {
		all = append(all, u.RequestURI())
	}
	return strings.Join(all, " ")
}

func TestScripts(t *testing.T) {
	for _, row := range []struct{ html, want string }{
		{`<script type="module" src="/@vite/client"></script><script type="module" src="/src/main.jsx?t=1&amp;x=2"></script>`, "/src/main.jsx?t=1&x=2"},
		{`<SCRIPT SRC=main.js defer></SCRIPT><script src='main.js'></script>`, "/app/main.js"},
		{`<script src="https://3000-i1.e2b.app/a.js"></script><script src="//cdn.example/b.js"></script>`, "/a.js"},
		{`<!-- <script src="/old.js"></script> --><script type="text/template" src="/t.js"></script><script nomodule src="/n.js"></script>`, ""},
		{`<script src="/_next/static/chunks/main.js"></script><script data-src="/lazy.js" type=text/javascript></script>`, ""},
		{`<script defer data-note="a > b" src="./x.js">import "/no.js"</script><script src=`, "/app/x.js"},
	} {
		if got := paths(Scripts(address(t, "https://3000-i1.e2b.app/app/"), []byte(row.html))); got != row.want {
			t.Errorf("%s\nhas the scripts %q, want %q", row.html, got, row.want)
		}
	}
}

func TestImports(t *testing.T) {
	const module = `import { jsxDEV } from "/node_modules/.vite/deps/react.js?v=1";
import App from "/src/App.jsx";
import "/src/index.css"
export { x } from './x.js'
import react from "react";
const later = () => import("/src/Later.jsx");
const text = "import y from '/y.js'";
import {
  a,
  b
} from "../lib/a.js"
`
	want := "/src/App.jsx /src/index.css /src/x.js /lib/a.js"
	if got := paths(Imports(address(t, "https://x/src/main.jsx"), []byte(module))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadScript(t *testing.T) {
	filler := strings.Repeat("/* a module */ ", 10_000)
	for name, row := range map[string]struct{ text, want string }{
		"healthy":     {filler + `throw new Error("Cannot find module 'ws'")`, ""},
		"react":       {filler + `throw new Error("Module build failed (from ./babel.js):\nSyntaxError: /a.js: no \"x\" (1:2)");` + filler, "Module build failed (from ./babel.js):\nSyntaxError: /a.js: no \"x\" (1:2)"},
		"in a string": {`eval("throw new Error(\"Module build failed (from ./babel.js):\\nSyntaxError\");\n//# sourceURL=x")` + filler, "Module build failed (from ./babel.js):\nSyntaxError"},
	} {
		s := ReadScript(iotest.HalfReader(strings.NewReader(row.text)), 100)
		if s.Fails != row.want || string(s.Head) != row.text[:100] {
			t.Errorf("%s: it fails with %q, want %q; head %q", name, s.Fails, row.want, s.Head)
		}
	}
}

func TestSays(t *testing.T) {
	for body, want := range map[string]string{
		"\n<script>\n const error = {\"message\":\"no \\\"./x.js\\\"\",\"stack\":\"at\"}\n try {":             `no "./x.js"`,
		`<script id="__NEXT_DATA__">{"props":{},"err":{"name":"Error","message":"Can't resolve"},"gip":true}`: "Can't resolve",
		`const error = {"message": "cut o`: "",
		"stack trace":                      "",
	} {
		if got := Says([]byte(body)); got != want {
			t.Errorf("%s says %q, want %q", body, got, want)
		}
	}
}

func TestFails(t *testing.T) {
	for name, row := range map[string]struct {
		html, says string
		fails      bool
	}{
		"Next":            {`<script id="__NEXT_DATA__">{"props":{},"page":"/_error","err":{"name":"Error","message":"no ./x"}}</script>`, "no ./x", true},
		"Next's own 404":  {`<script id="__NEXT_DATA__">{"props":{},"page":"/_error","query":{}}</script>`, "", false},
		"PHP":             {"<br />\n<b>Fatal error</b>:  Uncaught Error: no f() in <b>/app/index.php</b> on line <b>3</b><br />\n", "Uncaught Error: no f() in /app/index.php on line 3", true},
		"a page about it": {"<h1>Fatal error</h1><p><b>Fatal error</b>: on line <b>3</b>", "", false},
	} {
		if says, fails := Fails([]byte(row.html)); says != row.says || fails != row.fails {
			t.Errorf("%s: it fails: %v, with %q", name, fails, says)
		}
	}
}
