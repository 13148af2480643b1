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
	os.Exit(m.Run())
}

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
	c := Config{ID: id, Dir: t.TempDir()}
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
