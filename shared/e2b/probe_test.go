package e2b

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestProbe(t *testing.T) {
	const vite = "Blocked request. This host (\"3000-i1.e2b.app\") is not allowed."
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		want   Answer
	}{
		{"page", respond(200, "<html>"), AppReady},
		{"empty page", respond(204, ""), AppReady},
		{"redirect", respond(302, "", "Location", "http://elsewhere.invalid/"), AppReady},
		{"log-on", respond(401, "who are you"), AppReady},
		{"page with nothing in it", respond(200, " \n", "Content-Type", "text/html; charset=utf-8"), AppEmpty},
		{"page of which nothing has come", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, AppReady},
		{"an API that has nothing to say", respond(200, "", "Content-Type", "text/plain"), AppReady},
		{"redirect without a text", respond(302, "", "Content-Type", "text/html"), AppReady},
		{"page that tells of its failure", respond(200, "<br />\n<b>Parse error</b>:  no in <b>x.php</b> on line <b>3</b>", "Content-Type", "text/html"), AppFails},
		{"no root route", respond(404, "Cannot GET /"), AppReady},
		{"an API that answers as the edge does, but is none", respond(404, `{"code":404,"message":"no"}`), AppReady},
		{"an app that knows sandboxes", respond(404, `{"sandboxId":"i1","message":"no"}`), AppReady},
		{"only POST", respond(405, ""), AppReady},
		{"page cut half way", cut, AppReady},
		{"host is not known to Vite", respond(403, vite), AppRefuses},
		{"host is not known to react-scripts, which says so with 200", respond(200, "Invalid Host header"), AppRefuses},
		{"host is not known to Django", respond(400, "DisallowedHost"), AppRefuses},
		{"app is broken", respond(500, "stack trace"), AppFails},
		{"app's own gateway is broken", respond(502, "bad gateway"), AppFails},
		{"app is busy", respond(429, ""), NoAnswer},
		{"port closed", respond(502, `{"sandboxId":"i1","message":"The sandbox is running but port is not open","code":502,"port":3000}`), PortClosed},
		{"no such sandbox", respond(502, `{"sandboxId":"i1","message":"The sandbox was not found","code":502}`), NoSandbox},
		{"in transition", respond(409, `{"sandboxId":"i1","message":"busy","code":409}`), NoAnswer},
		{"edge refuses", respond(403, `{"sandboxId":"i1","message":"token","code":403}`), NoAnswer},
		{"cut", vanish, NoAnswer},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newServer(t, row.answer)
			// The name in the address resolves nowhere: the edge is dialled.
			c := newClient(t, Config{APIURL: "http://api", Domain: "preview.invalid:1", SandboxURL: s.URL})
			got := c.Probe(t.Context(), c.PreviewURL("i1", 3000))
			if got.Answer != row.want || got.Ready() != (row.want == AppReady) {
				t.Errorf("got %+v, want %s", got, row.want)
			}
			if calls := s.seen(); len(calls) != 1 {
				t.Errorf("asked %d times: %v", len(calls), calls)
			}
		})
	}
}

func TestProbeSendsThePreviewsHost(t *testing.T) {
	hosts := make(chan string, 1)
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) { hosts <- r.Host })
	c := newClient(t, Config{APIURL: "http://api", Domain: "localhost:3002", SandboxURL: s.URL})
	if got := c.Probe(t.Context(), c.PreviewURL("i1", 3000)); !got.Ready() {
		t.Errorf("got %+v", got)
	}
	if got := <-hosts; got != "3000-i1.localhost:3002" {
		t.Errorf("Host was %s", got)
	}
}

func TestProbeChecksCertificates(t *testing.T) {
	s := httptest.NewTLSServer(respond(200, "ok"))
	defer s.Close()
	c := newClient(t, Config{APIURL: "http://api", SandboxURL: s.URL})
	if got := c.Probe(t.Context(), c.PreviewURL("i1", 3000)); got.Answer != NoAnswer {
		t.Errorf("got %+v from a server that proved nothing", got)
	}
}

func TestProbeReadsABoundedBody(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat("x", 1<<16))); err != nil {
				return
			}
		}
	})
	c := newClient(t, Config{APIURL: "http://api", SandboxURL: s.URL})
	start := time.Now()
	if got := c.Probe(t.Context(), c.PreviewURL("i1", 3000)); !got.Ready() || time.Since(start) > probeTime/2 {
		t.Errorf("got %+v after %v", got, time.Since(start))
	}
}

// A page is as good as its scripts, and costs a visit each.
func TestWorkFetchesEachScriptOnce(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch {
		case r.URL.Path == "/":
			_, _ = w.Write([]byte(`<script type=module src=/a.js></script><script type=module src=/b.js></script><script src=/a.js></script>`))
		case r.Header.Get("Accept") != "*/*": // Vite gives the source to who wants a page
			w.WriteHeader(500)
		default:
			_, _ = w.Write([]byte("import '/b.js'\nimport './c.js'\n"))
		}
	})
	c := newClient(t, Config{APIURL: "http://api", SandboxURL: s.URL})
	p := c.Probe(t.Context(), c.PreviewURL("i1", 3000))
	if got := c.Work(t.Context(), p); !got.Ready() {
		t.Errorf("got %+v", got)
	}
	if calls := s.seen(); len(calls) != 4 {
		t.Errorf("asked %d times: %v", len(calls), calls)
	}
}
