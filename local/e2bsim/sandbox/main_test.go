package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
)

func TestMain(m *testing.M) {
	Init()
	if len(os.Args) > 2 && helpers[os.Args[1]] != nil {
		helpers[os.Args[1]](os.Args[2])
		return
	}
	os.Exit(m.Run())
}

// helpers are programs that tests run: this binary, called with a name and an
// argument.
var helpers = map[string]func(string){
	"serve":  serve,
	"runner": runRunner,
}

// serve answers every request at an address with its own name.
func serve(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println("no:", err)
		os.Exit(1)
	}
	fmt.Println("listening")
	host, _ := os.Hostname()
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.ReadFile("/home/user/name")
		fmt.Fprintf(w, "%s on %s", name, host)
	}))
}

// runRunner starts a sandbox with a process in a session of its own, says the
// pid of its pid 1 and waits to be killed. It freezes the sandbox if told to.
func runRunner(state string) {
	dir, _ := os.MkdirTemp("", "runner-")
	s, err := Start(context.Background(), Config{ID: "orphan", Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	b := newBox(nil, s)
	stream, err := b.processes.Start(context.Background(), shell("setsid sleep 1000 & echo started; wait"))
	for err == nil && stream.Receive() && len(stream.Msg().GetEvent().GetData().GetStdout()) == 0 {
	}
	if state == "frozen" {
		s.Freeze()
	}
	fmt.Println(s.cmd.Process.Pid)
	select {}
}

// helper is how a sandbox calls a helper. Its settings must show it this binary.
func helper(name, argument string) string {
	return fmt.Sprintf("%s %s %s", self, name, argument)
}

var self, _ = os.Executable()

// box is a sandbox under test with a client of its envd.
type box struct {
	*Sandbox
	t         testing.TB
	http      *http.Client
	processes envdpb.ProcessClient
}

// startBox starts a sandbox that ends with the test. change may alter its
// settings.
func startBox(t testing.TB, id string, change func(*Config)) *box {
	t.Helper()
	c := Config{ID: id, Dir: t.TempDir(), Files: []string{self}}
	if change != nil {
		change(&c)
	}
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
	})
	return newBox(t, s)
}

func newBox(t testing.TB, s *Sandbox) *box {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return s.Dial(ctx, EnvdPort)
	}}
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	return &box{s, t, client, envdpb.NewProcessClient(client, "http://envd", connect.WithProtoJSON())}
}

// shell is a shell command's request, with no input.
func shell(command string) *connect.Request[envdpb.StartRequest] {
	stdin := false
	return connect.NewRequest(&envdpb.StartRequest{
		Process: &envdpb.ProcessConfig{Cmd: "/bin/bash", Args: []string{"-l", "-c", command}},
		Stdin:   &stdin,
	})
}

// run runs a shell command to its end.
func (b *box) run(command string) (stdout string, exit int32) {
	b.t.Helper()
	stream, err := b.processes.Start(context.Background(), shell(command))
	if err != nil {
		b.t.Fatalf("run %q: %v", command, err)
	}
	defer stream.Close()
	var out bytes.Buffer
	for stream.Receive() {
		event := stream.Msg().GetEvent()
		out.Write(event.GetData().GetStdout())
		out.Write(event.GetData().GetStderr())
		if end := event.GetEnd(); end != nil {
			return out.String(), end.GetExitCode()
		}
	}
	b.t.Fatalf("run %q: stream ended early: %v", command, stream.Err())
	return "", 0
}

// background starts a shell command, waits for its first output and leaves it
// running.
func (b *box) background(command string) {
	b.t.Helper()
	stream, err := b.processes.Start(context.Background(), shell(command))
	if err != nil {
		b.t.Fatalf("start %q: %v", command, err)
	}
	defer stream.Close()
	for stream.Receive() {
		if len(stream.Msg().GetEvent().GetData().GetStdout()) > 0 {
			return
		}
	}
	b.t.Fatalf("start %q: no output: %v", command, stream.Err())
}

// get reads a page that a server inside serves on a port.
func (b *box) get(port int) (string, error) {
	c, err := b.Dial(b.t.Context(), port)
	if err != nil {
		return "", err
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.0\r\n\r\n")
	page, err := io.ReadAll(c)
	return string(page), err
}

// upload stores a file.
func (b *box) upload(path, text string) {
	b.t.Helper()
	resp, err := b.http.Post("http://envd/files?path="+url.QueryEscape(path), "application/octet-stream", strings.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("upload %s: %s", path, resp.Status)
	}
}
