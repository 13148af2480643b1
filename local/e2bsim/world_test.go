package e2bsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/e2bsim/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// fakeBackend starts machines that are nothing but their home folder and the
// listeners that a test opens.
type fakeBackend struct {
	mu       sync.Mutex
	started  []e2bsim.Spec
	machines map[string]*fakeMachine // the newest of each sandbox
	freezing func() error            // called by every Freeze
	starting func() error            // called by every Start
}

func (f *fakeBackend) Start(_ context.Context, spec e2bsim.Spec) (e2bsim.Machine, error) {
	f.mu.Lock()
	hook := f.starting
	f.mu.Unlock()
	if hook != nil {
		if err := hook(); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = append(f.started, spec)
	m := &fakeMachine{backend: f, done: make(chan struct{}), ports: map[int]string{}}
	f.machines[spec.ID] = m
	return m, os.MkdirAll(spec.Home, 0o755)
}

func (f *fakeBackend) machine(id string) *fakeMachine {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.machines[id]
}

func (f *fakeBackend) spec(n int) e2bsim.Spec {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.started[n]
}

func (f *fakeBackend) onFreeze(hook func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.freezing = hook
}

func (f *fakeBackend) onStart(hook func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starting = hook
}

type fakeMachine struct {
	backend *fakeBackend
	done    chan struct{}
	once    sync.Once

	mu    sync.Mutex
	ports map[int]string // addresses of real listeners
	conns []net.Conn
}

func (m *fakeMachine) Dial(ctx context.Context, port int) (net.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	addr, ok := m.ports[port]
	if !ok {
		return nil, syscall.ECONNREFUSED
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err == nil {
		m.conns = append(m.conns, conn)
	}
	return conn, err
}

func (m *fakeMachine) CloseConnections() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, conn := range m.conns {
		_ = conn.Close()
	}
	m.conns = nil
}

func (m *fakeMachine) Freeze() error {
	m.backend.mu.Lock()
	hook := m.backend.freezing
	m.backend.mu.Unlock()
	if hook != nil {
		return hook()
	}
	return nil
}

func (m *fakeMachine) Thaw() error           { return nil }
func (m *fakeMachine) Kill() error           { m.once.Do(func() { close(m.done) }); return nil }
func (m *fakeMachine) Done() <-chan struct{} { return m.done }

// world is a simulator with its three handlers listening.
type world struct {
	*e2bsim.Server
	t                *testing.T
	backend          *fakeBackend
	api, edge, admin string
}

const testKey = "e2b_0123456789abcdef"

var epoch = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// newWorld starts a simulator on a clock that only the test moves.
func newWorld(t *testing.T, configure ...func(*e2bsim.Config)) *world {
	t.Helper()
	backend := &fakeBackend{machines: map[string]*fakeMachine{}}
	cfg := e2bsim.Config{DataDir: t.TempDir(), Backend: backend, APIKeys: []string{testKey},
		Clock: e2bsim.NewManualClock(epoch), PauseLatency: -1, ResumeLatency: -1}
	for _, set := range configure {
		set(&cfg)
	}
	sim, err := e2bsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Server: sim, t: t, backend: backend}
	listen := func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	w.api, w.edge, w.admin = listen(sim.APIHandler()), listen(sim.EdgeHandler()), listen(sim.AdminHandler())
	t.Cleanup(func() { _ = sim.Close() })
	return w
}

// result is an answer of the simulator.
type result struct {
	status int
	header http.Header
	raw    string
	err    error // no complete answer
}

func (r result) field(name string) any {
	var object map[string]any
	_ = json.Unmarshal([]byte(r.raw), &object)
	return object[name]
}

func (r result) text(name string) string {
	s, _ := r.field(name).(string)
	return s
}

// send makes one request on a connection of its own.
func send(ctx context.Context, method, url, body string, header http.Header) result {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return result{err: err}
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	res, err := client.Do(req)
	if err != nil {
		return result{err: err}
	}
	defer res.Body.Close()
	var raw bytes.Buffer
	_, err = io.Copy(&raw, res.Body)
	return result{res.StatusCode, res.Header, raw.String(), err}
}

// call makes a call of the control plane.
func (w *world) call(method, path, body string) result {
	return send(w.context(), method, w.api+path, body, http.Header{"X-Api-Key": {testKey}})
}

// context ends a minute from now, well before the test would hang.
func (w *world) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.t.Cleanup(cancel)
	return ctx
}

// create makes a sandbox from a v2 body and returns its id.
func (w *world) create(body string) string {
	w.t.Helper()
	res := w.call("POST", "/v2/sandboxes", body)
	if res.status != http.StatusCreated {
		w.t.Fatalf("create answered %d %s (%v)", res.status, res.raw, res.err)
	}
	return res.text("sandboxID")
}

const durable = `{"templateID":"base","timeout":600,"autoPause":true,"autoResume":{"enabled":false}}`

func (w *world) expect(method, path, body string, status int) result {
	w.t.Helper()
	res := w.call(method, path, body)
	if res.err != nil {
		w.t.Fatalf("%s %s: %v", method, path, res.err)
	}
	if res.status != status {
		w.t.Fatalf("%s %s answered %d %s, want %d", method, path, res.status, res.raw, status)
	}
	return res
}

func (w *world) pause(id string) {
	w.t.Helper()
	w.expect("POST", "/sandboxes/"+id+"/pause", "{}", 204)
}
func (w *world) connect(id string) {
	w.t.Helper()
	w.expect("POST", "/v2/sandboxes/"+id+"/connect", `{"timeout":600}`, 201)
}

func (w *world) waitFor(id string, state e2bsim.State) {
	w.t.Helper()
	if err := w.WaitFor(w.context(), id, state); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) advance(d time.Duration) {
	w.t.Helper()
	if err := w.Advance(w.context(), d); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) fault(f e2bsim.Fault) {
	w.t.Helper()
	if _, err := w.AddFault(f); err != nil {
		w.t.Fatal(err)
	}
}

// state is what the API says of a sandbox; "404" when it knows none.
func (w *world) state(id string) string {
	w.t.Helper()
	if res := w.call("GET", "/sandboxes/"+id, ""); res.status != 404 {
		return res.text("state")
	}
	return "404"
}

// home is a file's path in the sandbox's home folder on the host.
func (w *world) home(id, name string) string {
	w.backend.mu.Lock()
	defer w.backend.mu.Unlock()
	for _, spec := range w.backend.started {
		if spec.ID == id {
			return spec.Home + "/" + name
		}
	}
	w.t.Fatalf("sandbox %s never started", id)
	return ""
}

func (w *world) write(id, name, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.home(id, name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(id, name string) string {
	raw, err := os.ReadFile(w.home(id, name))
	if err != nil {
		return "missing"
	}
	return string(raw)
}

// errBroken is what a machine answers that a test breaks.
var errBroken = errors.New("broken")
