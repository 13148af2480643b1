package envd

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
	"siesta/shared/secrets"
)

const token = "tok-secret"

// daemon stands for envd: it runs real processes and keeps real files, with a
// temporary folder for /home/user.
type daemon struct {
	envdpb.UnimplementedProcessHandler
	envdpb.UnimplementedFilesystemHandler
	t    testing.TB
	home string

	mu      sync.Mutex
	started []*envdpb.ProcessConfig
}

// newDaemon starts one, with intercept in front of it when that is not nil.
func newDaemon(t testing.TB, intercept func(w http.ResponseWriter, r *http.Request) bool) (*daemon, *Client) {
	t.Helper()
	d := &daemon{t: t, home: t.TempDir()}
	mux := http.NewServeMux()
	mux.Handle(envdpb.NewProcessHandler(d))
	mux.Handle(envdpb.NewFilesystemHandler(d))
	mux.HandleFunc("POST /files", d.upload)
	mux.HandleFunc("GET /files", d.download)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Connect-Timeout-Ms") != "" {
			t.Errorf("%s carries a kill timer", r.URL.Path)
		}
		if intercept != nil && intercept(w, r) {
			return
		}
		if r.Header.Get("X-Access-Token") != token || r.Header.Get("E2b-Sandbox-Id") != "i1" || r.Header.Get("E2b-Sandbox-Port") != "49983" {
			t.Errorf("%s is not addressed: %v", r.URL.Path, r.Header)
		}
		if ct := r.Header.Get("Content-Type"); strings.Contains(ct, "proto") || strings.Contains(r.URL.Path, ".") && !strings.HasSuffix(ct, "json") {
			t.Errorf("%s speaks %s, want JSON", r.URL.Path, ct)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return d, New(Config{URL: s.URL, SandboxID: "i1", Token: secrets.NewText(token), Version: "0.6.4", HTTP: &http.Client{Transport: &http.Transport{}}})
}

// path is where a path of the sandbox really is.
func (d *daemon) path(p string) string {
	if rest, ok := strings.CutPrefix(p, "/home/user/"); ok {
		return filepath.Join(d.home, rest)
	}
	return p
}

// write makes files below the sandbox's home.
func (d *daemon) write(names ...string) {
	d.t.Helper()
	for _, name := range names {
		if err := write(filepath.Join(d.home, name), strings.NewReader(name)); err != nil {
			d.t.Fatal(err)
		}
	}
}

// files returns the names of all files below the sandbox's home but our own.
func (d *daemon) files() (names []string) {
	d.t.Helper()
	err := fs.WalkDir(os.DirFS(d.home), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasPrefix(name, ".siesta/") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return names
}

func (d *daemon) Start(ctx context.Context, req *connect.Request[envdpb.StartRequest], stream *connect.ServerStream[envdpb.StartResponse]) error {
	config := req.Msg.GetProcess()
	d.mu.Lock()
	d.started = append(d.started, config)
	d.mu.Unlock()
	args := make([]string, len(config.GetArgs()))
	for i, arg := range config.GetArgs() {
		args[i] = d.path(arg)
	}
	cmd := exec.Command(config.GetCmd(), args...)
	cmd.Dir = d.home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.home}
	for name, value := range config.GetEnvs() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var one sync.Mutex
	send := func(e *envdpb.ProcessEvent) error {
		one.Lock()
		defer one.Unlock()
		return stream.Send(&envdpb.StartResponse{Event: e})
	}
	cmd.Stdout = output(func(p []byte) {
		_ = send(data(&envdpb.ProcessEvent_DataEvent{Output: &envdpb.ProcessEvent_DataEvent_Stdout{Stdout: p}}))
	})
	cmd.Stderr = output(func(p []byte) {
		_ = send(data(&envdpb.ProcessEvent_DataEvent{Output: &envdpb.ProcessEvent_DataEvent_Stderr{Stderr: p}}))
	})
	if err := cmd.Start(); err != nil {
		return connect.NewError(connect.CodeInvalidArgument, err)
	}
	if err := send(&envdpb.ProcessEvent{Event: &envdpb.ProcessEvent_Start{Start: &envdpb.ProcessEvent_StartEvent{Pid: uint32(cmd.Process.Pid)}}}); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	state := cmd.ProcessState
	end := &envdpb.ProcessEvent_EndEvent{ExitCode: int32(state.ExitCode()), Exited: state.Exited(), Status: state.String()}
	return send(&envdpb.ProcessEvent{Event: &envdpb.ProcessEvent_End{End: end}})
}

// output takes what a process writes; a listener that is gone stops nothing.
type output func([]byte)

func (o output) Write(p []byte) (int, error) {
	o(p)
	return len(p), nil
}

func data(d *envdpb.ProcessEvent_DataEvent) *envdpb.ProcessEvent {
	return &envdpb.ProcessEvent{Event: &envdpb.ProcessEvent_Data{Data: d}}
}

func (d *daemon) ListDir(_ context.Context, req *connect.Request[envdpb.ListDirRequest]) (*connect.Response[envdpb.ListDirResponse], error) {
	items, err := os.ReadDir(d.path(req.Msg.GetPath()))
	if err != nil {
		return nil, connect.NewError(connect.CodeNotFound, err)
	}
	resp := &envdpb.ListDirResponse{}
	for _, item := range items {
		resp.Entries = append(resp.Entries, &envdpb.EntryInfo{Name: item.Name()})
	}
	return connect.NewResponse(resp), nil
}

func (d *daemon) download(w http.ResponseWriter, r *http.Request) {
	http.ServeFile(w, r, d.path(r.URL.Query().Get("path")))
}

// upload takes part names with folders, which mime/multipart's FileName hides.
func (d *daemon) upload(w http.ResponseWriter, r *http.Request) {
	zip, err := gzip.NewReader(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(zip)
	form, err := r.MultipartReader()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var entries []string
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
		_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil || params["name"] != "file" {
			d.t.Errorf("part %v: %v", part.Header, err)
		}
		name := d.path(params["filename"])
		if err := write(name, part); err != nil {
			http.Error(w, err.Error(), http.StatusInsufficientStorage)
			return
		}
		entries = append(entries, fmt.Sprintf(`{"name":%q,"path":%q,"type":"file"}`, filepath.Base(name), name))
	}
	_, _ = io.WriteString(w, "["+strings.Join(entries, ",")+"]")
}

func write(name string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}
