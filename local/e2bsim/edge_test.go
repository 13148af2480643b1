package e2bsim_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
)

// serve opens a port of the sandbox.
func (w *world) serve(id string, port int, h http.Handler) {
	server := httptest.NewServer(h)
	w.t.Cleanup(server.Close)
	m := w.backend.machine(id)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ports[port] = server.Listener.Addr().String()
}

// visit makes a request through the edge proxy to a sandbox's port, by Host.
func (w *world) visit(id string, port int, path string) result {
	return send(w.context(), "GET", w.edge+path, "", http.Header{"Host": {fmt.Sprintf("%d-%s.e2b.app", port, id)}})
}

var app = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "app at "+r.Host+r.URL.Path) })

func TestEdgeRoutes(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.serve(id, 3000, app)
	if got, want := w.visit(id, 3000, "/a").raw, "app at 3000-"+id+".e2b.app/a"; got != want {
		t.Errorf("by host: %q, want %q", got, want)
	}
	shared := http.Header{"E2b-Sandbox-Id": {id}, "E2b-Sandbox-Port": {"3000"}}
	for _, host := range []string{"", "localhost:9", "127.0.0.1", "sandbox.e2b.app"} {
		shared["Host"] = []string{host}
		if got := send(w.context(), "GET", w.edge+"/b", "", shared); !strings.HasPrefix(got.raw, "app at ") {
			t.Errorf("by headers on %q: %d %s", host, got.status, got.raw)
		}
	}
	shared["Host"] = []string{"3000-iother.e2b.app"}
	if got := send(w.context(), "GET", w.edge+"/b", "", shared); got.status != 502 || got.text("sandboxId") != "iother" {
		t.Errorf("the headers win over a sandbox's own host: %d %s", got.status, got.raw)
	}
	for _, host := range []string{"example.com", "3000.e2b.app", "x-" + id + ".e2b.app", "99999-" + id + ".e2b.app", "3000-" + id + ".evil.app"} {
		if got := send(w.context(), "GET", w.edge, "", http.Header{"Host": {host}}); got.status != 400 {
			t.Errorf("host %q answered %d, want 400", host, got.status)
		}
	}
}

func TestEdgeRefuses(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.serve(id, 3000, app)
	w.serve(id, 49983, app)
	if got := w.visit(id, 3001, "/"); got.status != 502 || got.field("port") != 3001.0 || got.text("sandboxId") != id {
		t.Errorf("a closed port: %d %s", got.status, got.raw)
	}
	for _, path := range []string{"/init", "/freeze", "/unfreeze", "/collapse", "/fsfreeze", "/fsthaw", "/upgrade"} {
		if got := w.visit(id, 49983, path); got.status != 404 {
			t.Errorf("the daemon's %s answered %d, want 404", path, got.status)
		}
	}
	if got := w.visit(id, 49983, "/health"); got.status != 200 {
		t.Errorf("the daemon's /health answered %d", got.status)
	}
	absent := func(when, id string) {
		got := w.visit(id, 3000, "/")
		if got.status != 502 || got.field("code") != 502.0 || got.text("sandboxId") != id || !strings.Contains(got.text("message"), "not found") || got.field("port") != nil {
			t.Errorf("%s: %d %s", when, got.status, got.raw)
		}
	}
	absent("unknown", "iunknown")
	w.pause(id)
	absent("paused", id)
	if got := w.state(id); got != "paused" {
		t.Errorf("a visit left it %s", got)
	}
	w.connect(id)
	w.serve(id, 3000, app)
	if got := w.visit(id, 3000, "/"); got.status != 200 {
		t.Errorf("after a resume: %d %s", got.status, got.raw)
	}
	w.expect("DELETE", "/sandboxes/"+id, "", 204)
	absent("killed", id)
}

// A server that ends the connection without an answer, as one of TLS does, shows as
// a port where nothing listens.
func TestEdgeHasNoAnswerOfTheApps(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.serve(id, 3000, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	if got := w.visit(id, 3000, "/"); got.status != 502 || got.field("port") != 3000.0 {
		t.Errorf("answered %d %s", got.status, got.raw)
	}
}

func TestEdgeInTransition(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	frozen, release := w.hold()
	done := w.async("POST", "/sandboxes/"+id+"/pause", "")
	<-frozen
	if got := w.visit(id, 3000, "/"); got.status != 409 || got.field("code") != 409.0 {
		t.Errorf("while pausing: %d %s, want 409", got.status, got.raw)
	}
	release()
	<-done
}

func TestEdgeWakesOnlyWithAutoResume(t *testing.T) {
	w := newWorld(t)
	id := w.create(`{"templateID":"base","timeout":60,"autoPause":true,"autoResume":{"enabled":true}}`)
	w.serve(id, 3000, app)
	w.pause(id)
	if got := w.visit(id, 3000, "/"); got.status != 200 {
		t.Errorf("a visit with autoResume answered %d %s", got.status, got.raw)
	}
	if got := w.left(id); got != 300*time.Second {
		t.Errorf("woken by traffic it has %v, want 300s", got)
	}
}

// TestEdgeUpgrades sends a WebSocket's handshake and echoes bytes through, as
// they come, until a pause cuts it.
func TestEdgeUpgrades(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.serve(id, 3000, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, both, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(conn, both)
	}))
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.edge, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: 3000-%s.e2b.app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", id)
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v %v", res, err)
	}
	for _, word := range []string{"one", "two"} {
		fmt.Fprint(conn, word)
		got := make([]byte, len(word))
		if _, err := io.ReadFull(reader, got); err != nil || string(got) != word {
			t.Fatalf("echo: %q %v", got, err)
		}
	}
	w.pause(id)
	if _, err := reader.ReadByte(); err == nil {
		t.Error("the connection outlived the pause")
	}
}

// TestEdgeStreams reads an answer while the app still writes it; a pause cuts
// it, so it cannot look complete.
func TestEdgeStreams(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	ended := make(chan struct{})
	w.serve(id, 3000, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, "first")
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
		close(ended)
	}))
	req, _ := http.NewRequestWithContext(w.context(), "GET", w.edge, nil)
	req.Host = "3000-" + id + ".e2b.app"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got := make([]byte, 5)
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != "first" {
		t.Fatalf("read %q %v", got, err)
	}
	w.pause(id)
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("a cut stream ended as if it were complete")
	}
	<-ended
}

func TestEdgeFaults(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct {
		action e2bsim.Action
		status int
		lost   bool
		served bool // the app saw all of the request
	}{
		{e2bsim.GatewayTimeout, 504, false, false},
		{e2bsim.ErrorAnswer, 507, false, false},
		{e2bsim.AnswerLost, 0, true, true},
		{e2bsim.CutHalfway, 200, true, true},
		{e2bsim.Vanish, 502, false, false},
		{e2bsim.Delay, 200, false, true},
	} {
		w := newWorld(t)
		id := w.create(durable)
		served := make(chan struct{}, 1)
		w.serve(id, 3000, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			served <- struct{}{}
			fmt.Fprint(rw, long)
		}))
		w.fault(e2bsim.Fault{Call: e2bsim.Preview, Action: c.action, Status: 507, Bytes: 1000})
		got := w.visit(id, 3000, "/")
		if (got.err != nil) != c.lost || got.status != c.status {
			t.Errorf("%s: %d (%v), want %d, lost %v", c.action, got.status, got.err, c.status, c.lost)
		}
		if c.action == e2bsim.CutHalfway && len(got.raw) != 1000 {
			t.Errorf("%d bytes came before the cut, want 1000", len(got.raw))
		}
		if (len(served) == 1) != c.served {
			t.Errorf("%s: the app served %d requests", c.action, len(served))
		}
	}
}

// TestCutUpload: the daemon gets the first bytes of an upload and no end.
func TestCutUpload(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	type upload struct {
		bytes int
		err   error
	}
	got := make(chan upload, 1)
	w.serve(id, 49983, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		got <- upload{len(raw), err}
	}))
	w.fault(e2bsim.Fault{Call: e2bsim.Files, Action: e2bsim.CutHalfway, Bytes: 2000})
	res := send(w.context(), "POST", w.edge+"/files?path=a", strings.Repeat("x", 100000), http.Header{"Host": {"49983-" + id + ".e2b.app"}})
	if res.err == nil {
		t.Errorf("the caller got %d", res.status)
	}
	if u := <-got; u.bytes != 2000 || u.err == nil {
		t.Errorf("the daemon read %d bytes and %v, want 2000 and an error", u.bytes, u.err)
	}
}
