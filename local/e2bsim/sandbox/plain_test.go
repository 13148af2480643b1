package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/local/process"
)

// server answers one line on a port of this machine.
const server = `perl -MIO::Socket::INET -e '$|=1; $l=IO::Socket::INET->new(LocalAddr=>"127.0.0.1:%d",Listen=>5) or die; print "up"; while($c=$l->accept){print $c "served"; close $c}'`

func TestWithoutNamespacesProcessGroupsStandIn(t *testing.T) {
	dir := t.TempDir()
	// The way there must be open to the sandbox's user.
	os.Chmod(filepath.Dir(dir), 0o755)
	s, err := start(t.Context(), Config{ID: "plain", Dir: dir}, host{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	b := newBox(t, s)
	b.upload("/home/user/project/name", "plain")
	if out, code := b.run("cat /home/user/project/name project/name; cd; pwd"); code != 0 || out != "plainplain"+s.config.Dir+"\n" {
		t.Errorf("home: got %q, exit %d", out, code)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	b.background(fmt.Sprintf(server, port))
	if page, err := b.get(port); page != "served" {
		t.Errorf("its server: got %q, %v", page, err)
	}
	if out, _ := b.run("id -u"); os.Geteuid() == 0 && out == "0\n" {
		t.Error("commands run as root")
	}
	b.background("echo $$ > loop; while :; do echo >> log; done & until [ -s log ]; do :; done; echo going")
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(filepath.Join(s.config.Dir, "loop"))
	group := strings.TrimSpace(string(text))
	// The kernel stops a process, or ends it, when it next looks at its signals.
	deadline := time.Now().Add(10 * time.Second)
	for states := ""; states == "" || strings.Trim(states, "T") != ""; states = statesOf(group) {
		if time.Now().After(deadline) {
			t.Fatalf("states of a frozen command: got %q, want T for each", states)
		}
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	if _, code := b.run("true"); code != 0 {
		t.Error("no command runs after thawing")
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	deadline = time.Now().Add(10 * time.Second)
	for states := statesOf(group); strings.Trim(states, "Z") != ""; states = statesOf(group) {
		if time.Now().After(deadline) {
			t.Fatalf("states after the kill: got %q", states)
		}
	}
}

// statesOf returns the state letters of a process group's members.
func statesOf(group string) string {
	out, _ := exec.Command("ps", "-eo", "pgid=,stat=").Output()
	states := ""
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) == 2 && f[0] == group {
			states += f[1][:1]
		}
	}
	return states
}
