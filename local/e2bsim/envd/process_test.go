package envd

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
)

// stream is what Start and Connect streams have in common for tests.
type stream struct {
	t       *testing.T
	receive func() bool
	event   func() *envdpb.ProcessEvent
	err     func() error
	close   func() error
}

// start runs a shell command; change may alter the request.
func (d *daemon) start(command string, change func(*connect.Request[envdpb.StartRequest])) *stream {
	d.t.Helper()
	req := connect.NewRequest(&envdpb.StartRequest{Process: &envdpb.ProcessConfig{Cmd: "/bin/bash", Args: []string{"-c", command}}})
	if change != nil {
		change(req)
	}
	s, err := d.processes.Start(context.Background(), req)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { s.Close() })
	return &stream{d.t, s.Receive, func() *envdpb.ProcessEvent { return s.Msg().GetEvent() }, s.Err, s.Close}
}

func (d *daemon) connect(selector *envdpb.ProcessSelector) *stream {
	d.t.Helper()
	s, err := d.processes.Connect(context.Background(), connect.NewRequest(&envdpb.ConnectRequest{Process: selector}))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { s.Close() })
	return &stream{d.t, s.Receive, func() *envdpb.ProcessEvent { return s.Msg().GetEvent() }, s.Err, s.Close}
}

func byPID(pid uint32) *envdpb.ProcessSelector {
	return &envdpb.ProcessSelector{Selector: &envdpb.ProcessSelector_Pid{Pid: pid}}
}

func byTag(tag string) *envdpb.ProcessSelector {
	return &envdpb.ProcessSelector{Selector: &envdpb.ProcessSelector_Tag{Tag: tag}}
}

// started returns the pid, which the first event tells.
func (s *stream) started() uint32 {
	s.t.Helper()
	if !s.receive() || s.event().GetStart() == nil {
		s.t.Fatalf("first event: got %v, %v; want start", s.event(), s.err())
	}
	return s.event().GetStart().GetPid()
}

// until reads output until it ends with want.
func (s *stream) until(want string) {
	s.t.Helper()
	var out string
	for s.receive() {
		out += string(s.event().GetData().GetStdout()) + string(s.event().GetData().GetPty())
		if strings.HasSuffix(out, want) {
			return
		}
	}
	s.t.Fatalf("output: got %q, %v; want it to end with %q", out, s.err(), want)
}

// rest reads all output and the end; the end is nil if the stream broke.
func (s *stream) rest() (stdout, stderr string, end *envdpb.ProcessEvent_EndEvent) {
	for s.receive() {
		stdout += string(s.event().GetData().GetStdout())
		stderr += string(s.event().GetData().GetStderr())
		end = s.event().GetEnd()
	}
	return stdout, stderr, end
}

func TestHowCommandsEnd(t *testing.T) {
	d := startDaemon(t)
	for _, c := range []struct {
		name, command    string
		exit             int32
		exited           bool
		status, out, err string
	}{
		{"well", "echo out; echo err >&2", 0, true, "exit status 0", "out\n", "err\n"},
		{"badly", "exit 3", 3, true, "exit status 3", "", ""},
		{"by a signal", "kill -9 $$", -1, false, "signal: killed", "", ""},
	} {
		s := d.start(c.command, nil)
		s.started()
		out, stderr, end := s.rest()
		if out != c.out || stderr != c.err || end.GetExitCode() != c.exit || end.GetExited() != c.exited || end.GetStatus() != c.status {
			t.Errorf("%s: got %q, %q, %v", c.name, out, stderr, end)
		}
		if got, want := end.Error != nil, c.exit != 0; got != want {
			t.Errorf("%s: error set: got %t", c.name, got)
		}
	}
	s := d.start("", func(r *connect.Request[envdpb.StartRequest]) { r.Msg.Process.Cmd, r.Msg.Process.Args = "/no/such", nil })
	s.started()
	if _, stderr, end := s.rest(); end.GetExitCode() != 127 || !strings.Contains(stderr, "nice") {
		t.Errorf("unknown command: got %v, %q", end, stderr)
	}
}

func TestTheWireIsEnvds(t *testing.T) {
	d := startDaemon(t)
	resp, body := d.call("POST", "/process.Process/Start", frame(`{"process":{"cmd":"/bin/sh","args":["-c","echo hi"]},"stdin":false}`),
		"X-Access-Token", token, "Content-Type", "application/connect+json", "Connect-Protocol-Version", "1")
	for _, want := range []string{`{"event":{"start":{"pid":`, `{"event":{"data":{"stdout":"aGkK"}}}`, `{"event":{"end":{"exited":true,"status":"exit status 0"}}}`} {
		if !strings.Contains(strings.ReplaceAll(body, " ", ""), strings.ReplaceAll(want, " ", "")) {
			t.Errorf("stream: got %q, want it to hold %s", body, want)
		}
	}
	if resp.StatusCode != http.StatusOK || !strings.HasSuffix(body, "\x02\x00\x00\x00\x02{}") {
		t.Errorf("end: got %d %q", resp.StatusCode, body)
	}
	for cwd, want := range map[string]string{"/no/such": "cwd '/no/such' does not exist", "/etc/passwd": "cwd '/etc/passwd' is not a directory"} {
		resp, body = d.call("POST", "/process.Process/Start", frame(`{"process":{"cmd":"true","cwd":"`+cwd+`"}}`),
			"X-Access-Token", token, "Content-Type", "application/connect+json")
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"invalid_argument"`) || !strings.Contains(body, want) {
			t.Errorf("bad cwd: got %d %q, want %q at the end of a 200", resp.StatusCode, body, want)
		}
	}
	_, body = d.call("POST", "/process.Process/Start", frame(`{"process":{"cmd":"true"}}`),
		"X-Access-Token", token, "Content-Type", "application/connect+json", "Connect-Timeout-Ms", "abc")
	if !strings.Contains(body, `"invalid_argument"`) || !strings.Contains(body, "parse timeout:") {
		t.Errorf("bad time limit: got %q", body)
	}
	if resp, _ := d.call("POST", "/process.Process/List", strings.NewReader("{}"), "X-Access-Token", token, "Content-Type", "text/plain"); resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("content type: got %d, want 415", resp.StatusCode)
	}
}

func TestTheEnvironmentIsBuiltFromNothing(t *testing.T) {
	t.Setenv("LEAK", "x")
	d := startDaemon(t)
	s := d.start("env | grep -v ^_= | grep -v ^SHLVL= | sort", func(r *connect.Request[envdpb.StartRequest]) {
		r.Msg.Process.Envs = map[string]string{"FROM": "request", "OWN": "1"}
	})
	s.started()
	want := "E2B_SANDBOX=true\nFROM=request\nHOME=" + d.home + "\nLOGNAME=user\nOWN=1\nPATH=/usr/local/bin:/usr/bin:/bin\nPWD=" + d.home + "\nUSER=user\n"
	if out, _, _ := s.rest(); out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestAProcessOutlivesItsStream(t *testing.T) {
	d := startDaemon(t)
	s := d.start("echo up; read line; echo $line; exit 4", func(r *connect.Request[envdpb.StartRequest]) { tag := "web"; r.Msg.Tag = &tag })
	pid := s.started()
	s.until("up\n")
	s.close()
	list, err := d.processes.List(t.Context(), connect.NewRequest(&envdpb.ListRequest{}))
	if err != nil || len(list.Msg.GetProcesses()) != 1 || list.Msg.Processes[0].GetPid() != pid || list.Msg.Processes[0].GetTag() != "web" || list.Msg.Processes[0].GetConfig().GetCmd() != "/bin/bash" {
		t.Fatalf("list: got %v, %v", list, err)
	}
	// Two listen at once, and each hears everything.
	one, two := d.connect(byPID(pid)), d.connect(byTag("web"))
	one.started()
	two.started()
	d.send(pid, "hello\n")
	for _, s := range []*stream{one, two} {
		if out, _, end := s.rest(); out != "hello\n" || end.GetExitCode() != 4 {
			t.Errorf("listener: got %q, %v", out, end)
		}
	}
	// The end is told for a while to whoever asks late, and the list is empty.
	d.advance(20 * time.Second)
	late := d.connect(byPID(pid))
	late.started()
	if out, _, end := late.rest(); out != "" || end.GetExitCode() != 4 {
		t.Errorf("late: got %q, %v", out, end)
	}
	if list, _ := d.processes.List(t.Context(), connect.NewRequest(&envdpb.ListRequest{})); len(list.Msg.GetProcesses()) != 0 {
		t.Errorf("list after the end: got %v", list.Msg)
	}
	d.advance(20 * time.Second)
	deadline := time.Now().Add(10 * time.Second)
	for connect.CodeOf(func() error { s := d.connect(byPID(pid)); s.rest(); return s.err() }()) != connect.CodeNotFound {
		if time.Now().After(deadline) {
			t.Fatal("the end of a process is never forgotten")
		}
		d.advance(30 * time.Second)
	}
}

func (d *daemon) send(pid uint32, text string) {
	d.t.Helper()
	_, err := d.processes.SendInput(d.t.Context(), connect.NewRequest(&envdpb.SendInputRequest{
		Process: byPID(pid), Input: &envdpb.ProcessInput{Input: &envdpb.ProcessInput_Stdin{Stdin: []byte(text)}}}))
	if err != nil {
		d.t.Error(err)
	}
}

func TestInput(t *testing.T) {
	d := startDaemon(t)
	s := d.start("cat; echo end", nil)
	pid := s.started()
	d.send(pid, "one ")
	in := d.processes.StreamInput(t.Context())
	in.Send(&envdpb.StreamInputRequest{Event: &envdpb.StreamInputRequest_Start{Start: &envdpb.StreamInputRequest_StartEvent{Process: byPID(pid)}}})
	in.Send(&envdpb.StreamInputRequest{Event: &envdpb.StreamInputRequest_Data{Data: &envdpb.StreamInputRequest_DataEvent{
		Input: &envdpb.ProcessInput{Input: &envdpb.ProcessInput_Stdin{Stdin: []byte("two\n")}}}}})
	if _, err := in.CloseAndReceive(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if _, err := d.processes.CloseStdin(t.Context(), connect.NewRequest(&envdpb.CloseStdinRequest{Process: byPID(pid)})); err != nil {
			t.Error(err)
		}
	}
	if out, _, _ := s.rest(); out != "one two\nend\n" {
		t.Errorf("got %q", out)
	}
	// Without a standard input there is an empty one.
	s = d.start("cat; echo end", func(r *connect.Request[envdpb.StartRequest]) { no := false; r.Msg.Stdin = &no })
	s.started()
	if out, _, _ := s.rest(); out != "end\n" {
		t.Errorf("without input: got %q", out)
	}
}

func TestSignalsReachTheProcessAlone(t *testing.T) {
	d := startDaemon(t)
	// A grandchild that holds the output open would delay the end.
	s := d.start("sleep 1000 & echo $!; wait", nil)
	pid := s.started()
	s.receive()
	child := strings.TrimSpace(string(s.event().GetData().GetStdout()))
	if _, err := d.processes.SendSignal(t.Context(), connect.NewRequest(&envdpb.SendSignalRequest{Process: byPID(pid), Signal: envdpb.Signal_SIGNAL_SIGKILL})); err != nil {
		t.Fatal(err)
	}
	if _, _, end := s.rest(); end.GetStatus() != "signal: killed" || end.GetExitCode() != -1 {
		t.Errorf("end: got %v", end)
	}
	killing := d.start("kill "+child, nil)
	killing.started()
	if _, _, end := killing.rest(); end.GetExitCode() != 0 {
		t.Error("the child died with its parent")
	}
}

func TestAGrandchildHoldsTheEndBack(t *testing.T) {
	d := startDaemon(t)
	s := d.start("(until [ -e go ]; do sleep 0.01; done; echo late) & exit 5", nil)
	s.started()
	os.WriteFile(filepath.Join(d.home, "go"), nil, 0o644)
	if out, _, end := s.rest(); out != "late\n" || end.GetExitCode() != 5 {
		t.Errorf("got %q, %v", out, end)
	}
}

func TestATimeLimitKillsTheProcessAlone(t *testing.T) {
	d := startDaemon(t)
	s := d.start("sleep 1000 & echo $!; wait", func(r *connect.Request[envdpb.StartRequest]) { r.Header().Set("Connect-Timeout-Ms", "3600000") })
	pid := s.started()
	s.receive()
	child := strings.TrimSpace(string(s.event().GetData().GetStdout()))
	d.advance(time.Hour)
	if _, _, end := s.rest(); end != nil || connect.CodeOf(s.err()) != connect.CodeDeadlineExceeded {
		t.Errorf("got %v, %v; want deadline_exceeded and no end", end, s.err())
	}
	if list, _ := d.processes.List(t.Context(), connect.NewRequest(&envdpb.ListRequest{})); len(list.Msg.GetProcesses()) != 0 {
		t.Errorf("list: got %v, want nothing of pid %d", list.Msg, pid)
	}
	killing := d.start("kill "+child, nil)
	killing.started()
	if _, _, end := killing.rest(); end.GetExitCode() != 0 {
		t.Error("the child died with its parent")
	}
}

func TestATimeLimitHoldsWhenNobodyListens(t *testing.T) {
	d := startDaemon(t)
	s := d.start("echo up; sleep 1000", func(r *connect.Request[envdpb.StartRequest]) { r.Header().Set("Connect-Timeout-Ms", "3600000") })
	pid := s.started()
	s.until("up\n")
	s.close()
	second := d.connect(byPID(pid))
	second.started()
	d.advance(time.Hour)
	second.rest()
	if list, _ := d.processes.List(t.Context(), connect.NewRequest(&envdpb.ListRequest{})); len(list.Msg.GetProcesses()) != 0 {
		t.Errorf("list: got %v", list.Msg)
	}
}

func TestTagsAreFoundAsBadlyAsByEnvd(t *testing.T) {
	d := startDaemon(t)
	var pids []uint32
	for _, tag := range []string{"one", "two"} {
		s := d.start("read", func(r *connect.Request[envdpb.StartRequest]) { r.Msg.Tag = &tag })
		pids = append(pids, s.started())
	}
	wrong := byTag("two")
	if pids[0] > pids[1] {
		wrong = byTag("one")
	}
	s := d.connect(wrong)
	if s.receive() || connect.CodeOf(s.err()) != connect.CodeNotFound {
		t.Errorf("got %v, want not_found behind another tag", s.err())
	}
	for _, pid := range pids {
		d.send(pid, "\n")
	}
}

func TestKeepalives(t *testing.T) {
	d := startDaemon(t)
	s := d.start("read", func(r *connect.Request[envdpb.StartRequest]) { r.Header().Set("Keepalive-Ping-Interval", "1") })
	pid := s.started()
	if !s.receive() || s.event().GetKeepalive() == nil {
		t.Errorf("got %v, %v; want a keepalive", s.event(), s.err())
	}
	d.send(pid, "\n")
	s.rest()
}

func TestATerminal(t *testing.T) {
	d := startDaemon(t)
	s := d.start("tty >/dev/null && stty size; read line; stty size; exit 6", func(r *connect.Request[envdpb.StartRequest]) {
		r.Msg.Pty = &envdpb.PTY{Size: &envdpb.PTY_Size{Cols: 90, Rows: 30}}
	})
	pid := s.started()
	s.until("30 90\r\n")
	if _, err := d.processes.Update(t.Context(), connect.NewRequest(&envdpb.UpdateRequest{Process: byPID(pid), Pty: &envdpb.PTY{Size: &envdpb.PTY_Size{Cols: 100, Rows: 40}}})); err != nil {
		t.Error(err)
	}
	if _, err := d.processes.SendInput(t.Context(), connect.NewRequest(&envdpb.SendInputRequest{
		Process: byPID(pid), Input: &envdpb.ProcessInput{Input: &envdpb.ProcessInput_Pty{Pty: []byte("x\n")}}})); err != nil {
		t.Error(err)
	}
	s.until("40 100\r\n")
	if _, _, end := s.rest(); end.GetExitCode() != 6 {
		t.Errorf("end: got %v", end)
	}
}

func TestMuchOutputArrivesWhole(t *testing.T) {
	d := startDaemon(t)
	s := d.start("head -c 5000000 /dev/zero", nil)
	s.started()
	if out, _, _ := s.rest(); len(out) != 5_000_000 {
		t.Errorf("got %d bytes", len(out))
	}
}
