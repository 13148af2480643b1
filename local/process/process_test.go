package process

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// parentVar makes this test binary the process that starts a server and is
// killed: its value is the folder that has to go with the server.
const parentVar = "PARENT_OF_A_SERVER_WITH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentVar); dir != "" {
		p, err := Start(exec.Command("sleep", "600"), syscall.SIGTERM, dir)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(p.Pid())
		select {}
	}
	os.Exit(m.Run())
}

// eventually polls until done or half a minute has passed.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("%s: still not so", what)
		case <-tick.C:
		}
	}
}

func gone(dir string) bool {
	_, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

func TestServerEndsWithItsKilledParent(t *testing.T) {
	dir := t.TempDir() + "/work"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVar+"="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(line, &pid); err != nil {
		t.Fatalf("parent said %q", line)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	// The folder goes last, after the server.
	eventually(t, "folder gone", func() bool { return gone(dir) })
	if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && !strings.Contains(string(state), ") Z ") {
		t.Errorf("the server lives on: %s", state)
	}
}

func TestStopEndsTheServerAndItsFolder(t *testing.T) {
	dir := t.TempDir() + "/work"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := Start(exec.Command("sh", "-c", "echo hello; exec sleep 600"), syscall.SIGTERM, dir)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "output", func() bool { return p.Output() == "hello" })
	p.Stop()
	select {
	case <-p.Done():
	default:
		t.Error("Done is open after Stop")
	}
	if !gone(dir) {
		t.Error("the folder is still there after Stop")
	}
	p.Stop() // once more does nothing
}

func TestStartOfAMissingProgram(t *testing.T) {
	if _, err := Start(exec.Command("/no/such/program"), syscall.SIGTERM, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want it to match fs.ErrNotExist", err)
	}
}

func TestOutputKeepsItsEnd(t *testing.T) {
	var o output
	for range 100 {
		_, _ = o.Write([]byte(strings.Repeat("x", 1000)))
	}
	_, _ = o.Write([]byte("end\n"))
	if got := o.String(); len(got) > 8<<10 || !strings.HasSuffix(got, "xend") {
		t.Errorf("got %d bytes that end with %q", len(got), got[max(0, len(got)-8):])
	}
}
