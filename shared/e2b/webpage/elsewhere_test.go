package webpage

import (
	"slices"
	"testing"
)

func TestElsewhere(t *testing.T) {
	for html, want := range map[string]string{
		`The server is configured with a public base URL of /app/ - did you mean to visit <a href="/app/">/app/</a> instead?`: "/app/",
		`<p>In your <code>site</code> you have your base path set to <a href="/docs">/docs</a>. Do you want to go there</p>`:  "/docs",
		`<title>404</title><script src="/docs/_next/static/chunks/main.js" defer=""></script>`:                                "/docs",
		`<title>404</title><script src="/_next/static/chunks/main.js"></script>`:                                              "",
		`<script src="https://cdn.example/docs/_next/static/chunks/main.js"></script>`:                                        "",
		`<h1>Not found</h1><a href="/shop">Go on</a>`:                                                                         "",
		`did you mean to visit <a href="//evil.example/x">it</a>?`:                                                            "",
		`did you mean to visit <a href="javascript:alert(1)">it</a>?`:                                                         "",
	} {
		if got := Elsewhere([]byte(html)); got != want {
			t.Errorf("%s\nis elsewhere at %q, want %q", html, got, want)
		}
	}
}

func TestPrinted(t *testing.T) {
	for output, want := range map[string]string{
		"  ➜  Local:   http://localhost:5173/app/\n  ➜  Network: http://10.0.0.1:5173/app/\n": "/app/",
		"running at: http://localhost:5173/my-site/.":                                         "/my-site/",
		"\x1b[36mhttp://localhost:5173/app/\x1b[39m":                                          "/app/",
		"http://localhost:5173/":                                                              "",
		"http://localhost:51730/app":                                                          "",
		"http://example.com:5173/app":                                                         "",
		"http://0.0.0.0:5173/a\nhttp://[::]:5173/b?":                                          "/b",
	} {
		if got := Printed(output, 5173); got != want {
			t.Errorf("%q tells of %q, want %q", output, got, want)
		}
	}
}

func TestPrintedPorts(t *testing.T) {
	const output = "  ➜  Local:   http://localhost:\x1b[1m5173\x1b[22m/\nhttp://127.0.0.1:4000/, http://[::]:8080 and http://10.0.0.1:9000, https://localhost:123456"
	if got := PrintedPorts(output); !slices.Equal(got, []int{5173, 4000, 8080}) {
		t.Errorf("got %v", got)
	}
}
