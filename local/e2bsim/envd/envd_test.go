package envd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
)

const token = "right"

// daemon is an envd under test, over real HTTP, whose commands are real
// processes.
type daemon struct {
	*Server
	t         *testing.T
	home, url string
	processes envdpb.ProcessClient
	files     envdpb.FilesystemClient
}

func startDaemon(t *testing.T) *daemon {
	home := t.TempDir()
	s := New(Config{Home: home, User: "user", Path: "/usr/local/bin:/usr/bin:/bin", Env: map[string]string{"FROM": "settings"}, AccessToken: token, Spawn: spawn})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	options := []connect.ClientOption{connect.WithProtoJSON(), connect.WithInterceptors(withToken{})}
	return &daemon{s, t, home, web.URL,
		envdpb.NewProcessClient(web.Client(), web.URL, options...), envdpb.NewFilesystemClient(web.Client(), web.URL, options...)}
}

func spawn(file string, argv []string, attr *os.ProcAttr) (int, func() syscall.WaitStatus, error) {
	p, err := os.StartProcess(file, argv, attr)
	if err != nil {
		return 0, nil, err
	}
	return p.Pid, func() syscall.WaitStatus {
		state, err := p.Wait()
		if err != nil {
			panic(err)
		}
		return state.Sys().(syscall.WaitStatus)
	}, nil
}

// withToken adds the access token to every RPC.
type withToken struct{ userCheck }

func (withToken) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		req.Header().Set("X-Access-Token", token)
		return next(ctx, req)
	}
}

func (withToken) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		conn.RequestHeader().Set("X-Access-Token", token)
		return conn
	}
}

// advance lets time pass for the daemon's timers.
func (d *daemon) advance(by time.Duration) {
	d.clock.pause()
	d.clock.mu.Lock()
	for t := range d.clock.timers {
		t.left -= by
	}
	d.clock.mu.Unlock()
	d.clock.resume()
}

// call makes an HTTP request, given as headers in pairs.
func (d *daemon) call(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	d.t.Helper()
	req, err := http.NewRequest(method, d.url+path, body)
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp, string(text)
}

// wantError checks an error answer, whose body repeats the status.
func wantError(t *testing.T, resp *http.Response, body string, code int) {
	t.Helper()
	var e struct {
		Code    int
		Message string
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || resp.StatusCode != code || e.Code != code || e.Message == "" {
		t.Errorf("got %d %q, want %d with a body that says so", resp.StatusCode, body, code)
	}
}

func TestOnlyHealthNeedsNoToken(t *testing.T) {
	d := startDaemon(t)
	if resp, body := d.call("GET", "/health", nil); resp.StatusCode != http.StatusNoContent || body != "" {
		t.Errorf("health: got %d %q", resp.StatusCode, body)
	}
	for _, call := range []string{"GET /envs", "GET /metrics", "GET /files?path=x", "POST /files?path=x", "POST /files/compose", "POST /process.Process/List", "POST /init"} {
		method, path, _ := strings.Cut(call, " ")
		resp, body := d.call(method, path, nil)
		wantError(t, resp, body, http.StatusUnauthorized)
		resp, body = d.call(method, path, nil, "X-Access-Token", "wrong")
		wantError(t, resp, body, http.StatusUnauthorized)
	}
	// What only the machine below may call does not exist from outside.
	if resp, _ := d.call("POST", "/init", nil, "X-Access-Token", token); resp.StatusCode != http.StatusNotFound {
		t.Errorf("init: got %d, want 404", resp.StatusCode)
	}
}

// TestOtherMethods: a browser's question comes without a token, and HEAD is none
// of envd's methods.
func TestOtherMethods(t *testing.T) {
	d := startDaemon(t)
	for _, path := range []string{"/health", "/files?path=x"} {
		if resp, _ := d.call("HEAD", path, nil); resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("HEAD %s: got %d", path, resp.StatusCode)
		}
	}
	resp, _ := d.call("OPTIONS", "/process.Process/Start", nil, "Origin", "https://page.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-access-token")
	if h := resp.Header; resp.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != "POST" || h.Get("Access-Control-Allow-Headers") != "x-access-token" {
		t.Errorf("OPTIONS: got %d %v", resp.StatusCode, h)
	}
	if resp, _ := d.call("GET", "/health", nil, "Origin", "https://page.example"); resp.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("GET of a page: got %v", resp.Header)
	}
}

func TestEnvsAndMetrics(t *testing.T) {
	d := startDaemon(t)
	if _, body := d.call("GET", "/envs", nil, "X-Access-Token", token); strings.TrimSpace(body) != `{"FROM":"settings"}` {
		t.Errorf("envs: got %s", body)
	}
	var m map[string]float64
	_, body := d.call("GET", "/metrics", nil, "X-Access-Token", token)
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ts", "cpu_count", "mem_total", "mem_used", "mem_total_mib", "disk_used", "disk_total"} {
		if m[name] <= 0 {
			t.Errorf("metrics: %s is %v", name, m[name])
		}
	}
}

func TestAWrongUserIsRefused(t *testing.T) {
	d := startDaemon(t)
	root := []string{"X-Access-Token", token, "Authorization", "Basic cm9vdDo=", "Content-Type", "application/json"}
	resp, body := d.call("POST", "/process.Process/List", strings.NewReader("{}"), root...)
	if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, `"unauthenticated"`) {
		t.Errorf("unary: got %d %s", resp.StatusCode, body)
	}
	root[5] = "application/connect+json"
	resp, body = d.call("POST", "/process.Process/Start", frame(`{"process":{"cmd":"true"}}`), root...)
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"unauthenticated"`) {
		t.Errorf("stream: got %d %q, want the error at the end of a 200", resp.StatusCode, body)
	}
	resp, body = d.call("GET", "/files?path=x&username=nobody", nil, "X-Access-Token", token)
	wantError(t, resp, body, http.StatusUnauthorized)
	resp, body = d.call("GET", "/files?path=x&username=root", nil, "X-Access-Token", token) // has files, but runs no commands
	wantError(t, resp, body, http.StatusNotFound)
	resp, body = d.call("GET", "/files?path=x", nil, "X-Access-Token", token, "Authorization", "Basic bm9ib2R5Og==")
	if resp.StatusCode != http.StatusUnauthorized || strings.TrimSpace(body) != `{"code":"unauthenticated","message":"invalid username: 'nobody'"}` {
		t.Errorf("files: got %d %s, want it in Connect's JSON", resp.StatusCode, body)
	}
	resp, body = d.call("POST", "/process.Process/List", strings.NewReader("{}"), "X-Access-Token", token, "Authorization", "Basic dXNlcjo=", "Content-Type", "application/json")
	if resp.StatusCode != http.StatusOK || strings.TrimSpace(body) != "{}" {
		t.Errorf("the user itself: got %d %s", resp.StatusCode, body)
	}
}

// frame wraps a message as the Connect protocol does in a stream.
func frame(message string) io.Reader {
	n := len(message)
	return bytes.NewReader(append([]byte{0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, message...))
}
