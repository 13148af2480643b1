package e2bsim_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
)

// newRealWorld starts a simulator whose sandboxes are real processes.
func newRealWorld(t *testing.T) *world {
	return newWorld(t, func(c *e2bsim.Config) {
		dir, err := os.MkdirTemp("", "e2bsim-") // not below the test's own folder, which is closed to other users
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		c.DataDir, c.Backend, c.Clock = dir, e2bsim.Processes{}, nil
	})
}

// envd makes a request to the daemon of a sandbox.
func (w *world) envd(created result, method, path, contentType, body string) result {
	return send(w.context(), method, w.edge+path, body, http.Header{"Host": {"49983-" + created.text("sandboxID") + ".e2b.app"},
		"X-Access-Token": {created.text("envdAccessToken")}, "Content-Type": {contentType}, "Connect-Protocol-Version": {"1"}})
}

// run runs a shell command in a sandbox and returns its output and exit code.
func (w *world) run(created result, script string) (string, int) {
	w.t.Helper()
	start, _ := json.Marshal(map[string]any{"process": map[string]any{"cmd": "/bin/bash", "args": []string{"-c", script}}, "stdin": false})
	var frame bytes.Buffer
	frame.WriteByte(0)
	_ = binary.Write(&frame, binary.BigEndian, uint32(len(start)))
	frame.Write(start)
	res := w.envd(created, "POST", "/process.Process/Start", "application/connect+json", frame.String())
	if res.err != nil || res.status != 200 {
		w.t.Fatalf("start answered %d %s (%v)", res.status, res.raw, res.err)
	}
	output, code := "", -1
	for raw := []byte(res.raw); len(raw) >= 5; {
		size := 5 + int(binary.BigEndian.Uint32(raw[1:5]))
		var message struct {
			Event struct {
				Data *struct{ Stdout string }
				End  *struct{ ExitCode int }
			}
		}
		_ = json.Unmarshal(raw[5:size], &message)
		if message.Event.Data != nil {
			text, _ := base64.StdEncoding.DecodeString(message.Event.Data.Stdout)
			output += string(text)
		}
		if message.Event.End != nil {
			code = message.Event.End.ExitCode
		}
		raw = raw[size:]
	}
	return output, code
}

func TestRealSandbox(t *testing.T) {
	w := newRealWorld(t)
	made := w.expect("POST", "/v2/sandboxes", `{"templateID":"base","timeout":600,"autoPause":true,"envVars":{"FOO":"bar"}}`, 201)
	id := made.text("sandboxID")
	if res := w.envd(made, "POST", "/files?path=note.txt", "application/octet-stream", "hello"); res.status != 200 {
		t.Fatalf("upload answered %d %s", res.status, res.raw)
	}
	if out, code := w.run(made, "cat note.txt; echo -n $FOO; exit 3"); out != "hellobar" || code != 3 {
		t.Errorf("the command said %q and %d", out, code)
	}
	w.run(made, `setsid bash -c 'while true; do date +%s%N > tick.new && mv tick.new tick; sleep 0.02; done' >/dev/null 2>&1 </dev/null & echo started`)
	ticks := func() bool {
		_, code := w.run(made, `was=$(cat tick); for i in $(seq 1000); do [ "$(cat tick)" = "$was" ] || exit 0; sleep 0.02; done; exit 1`)
		return code == 0
	}
	if !ticks() {
		t.Fatal("the background process does not run")
	}

	w.pause(id)
	if res := w.visit(id, 49983, "/health"); res.status != 502 {
		t.Errorf("the daemon of a paused sandbox answered %d", res.status)
	}
	asleep := time.Now()
	w.advance(time.Hour)
	w.connect(id)
	if !ticks() {
		t.Error("the background process did not go on")
	}
	if info, _ := w.Sandbox(id); info.Bill.Seconds > 60+time.Since(asleep).Seconds() {
		t.Errorf("the hour asleep was billed: %+v", info.Bill)
	}
	w.expect("DELETE", "/sandboxes/"+id, "", 204)
	w.waitFor(id, e2bsim.StateGone)
}

// TestRealFilesComeBackWritable: after a kill by time-out the files are those
// of the pause, and the sandbox's user may go on writing them.
func TestRealFilesComeBackWritable(t *testing.T) {
	w := newRealWorld(t)
	made := w.expect("POST", "/v2/sandboxes", `{"templateID":"base","timeout":600}`, 201)
	id := made.text("sandboxID")
	w.run(made, "mkdir -p dir; echo first > dir/file; ln -s dir/file link")
	w.pause(id)
	w.connect(id)
	w.run(made, "echo second > dir/file; touch new")
	w.advance(time.Hour)
	w.waitFor(id, e2bsim.StatePaused)
	w.connect(id)
	if out, code := w.run(made, "cat link; test ! -e new && echo more >> dir/file && cat link"); out != "first\nfirst\nmore\n" || code != 0 {
		t.Errorf("the command said %q and %d", out, code)
	}
}

func TestRealSandboxesAreApart(t *testing.T) {
	w := newRealWorld(t)
	first := w.expect("POST", "/v2/sandboxes", durable, 201)
	second := w.expect("POST", "/v2/sandboxes", durable, 201)
	w.run(first, "echo secret > mine")
	if out, _ := w.run(second, fmt.Sprintf("cat mine /home/user/mine; find / -path '*%s*' -name mine 2>/dev/null | xargs -r cat", first.text("sandboxID"))); out != "" {
		t.Errorf("the other sandbox read %q", out)
	}
	stranger := first
	stranger.raw = strings.Replace(first.raw, first.text("envdAccessToken"), second.text("envdAccessToken"), 1)
	if res := w.envd(stranger, "GET", "/files?path=mine", "", ""); res.status != 401 {
		t.Errorf("another sandbox's token answered %d", res.status)
	}
}
