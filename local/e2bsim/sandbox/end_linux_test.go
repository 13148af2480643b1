package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// insideOf names the pid namespace that a process is in.
func insideOf(pid int) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	return name
}

// processesIn lists the processes of a pid namespace. One that has ended and
// that nobody collects is not counted.
func processesIn(namespace string) []string {
	var found []string
	links, _ := filepath.Glob("/proc/[0-9]*/ns/pid")
	for _, link := range links {
		name, _ := os.Readlink(link)
		status, _ := os.ReadFile(strings.Replace(link, "ns/pid", "status", 1))
		if name == namespace && !strings.Contains(string(status), "State:\tZ") {
			found = append(found, link)
		}
	}
	return found
}

func TestKillLeavesNothing(t *testing.T) {
	freezers(t, func(t *testing.T, h host, bySignal bool) {
		for _, frozen := range []bool{false, true} {
			b := startFreezable(t, h, bySignal)
			b.background("setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 100; done' & echo started")
			inside := insideOf(b.cmd.Process.Pid)
			if n := len(processesIn(inside)); n < 2 {
				t.Fatalf("running: got %d processes, want pid 1 and a shell at least", n)
			}
			if frozen {
				if err := b.Freeze(); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Kill(); err != nil {
				t.Fatal(err)
			}
			if left := processesIn(inside); len(left) > 0 {
				t.Errorf("frozen %t: processes %v are left", frozen, left)
			}
			for _, dir := range []string{b.group.freezerDir, b.group.memoryDir} {
				if dir != "" && isDir(dir) {
					t.Errorf("frozen %t: control group %s is left", frozen, dir)
				}
			}
			<-b.Done()
		}
	})
}

func TestNothingOutlivesARunnerThatIsKilled(t *testing.T) {
	if thisHost().groups.freezer != "" && !thisHost().groups.freezerV2 {
		t.Log("a version 1 freezer holds frozen processes until the next runner sweeps")
	}
	for _, state := range []string{"running", "frozen"} {
		runner := exec.Command(self, "runner", state)
		runner.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
		out, err := runner.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := runner.Start(); err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(out).ReadString('\n')
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatalf("runner says %q", line)
		}
		inside := insideOf(pid)
		alive, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		runner.Process.Kill()
		runner.Wait()
		// Readable once pid 1 has ended, which waits for all others inside.
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(alive), Events: unix.POLLIN}}, 10_000); n != 1 {
			t.Errorf("%s: pid 1 outlived its runner by ten seconds (%v)", state, err)
		}
		unix.Close(alive)
		if left := processesIn(inside); len(left) > 0 {
			t.Errorf("%s: processes %v are left", state, left)
		}
	}
	// Its control groups are left; the next runner sweeps them.
	findHierarchies()
	if left, _ := filepath.Glob("/sys/fs/cgroup/*/" + groupPrefix + "*.orphan"); len(left) > 0 {
		t.Errorf("control groups %v are left", left)
	}
}

func TestOrphansAreCollected(t *testing.T) {
	b := startBox(t, "orphans", nil)
	b.run("for i in 1 2 3 4 5; do (setsid true &) ; done")
	out, _ := b.run("for i in $(seq 500); do grep -l ^State:.Z /proc/[0-9]*/status 2>/dev/null || { echo none; exit; }; sleep 0.01; done")
	if !strings.HasSuffix(out, "none\n") {
		t.Errorf("ended processes stay: %q", out)
	}
}

func TestKillGivesEverythingBack(t *testing.T) {
	cycle := func(id string) {
		b := startBox(t, id, func(c *Config) { c.Outbound = true; c.Limits.Memory = 1 << 30 })
		b.background(helper("serve", "127.0.0.1:3000"))
		b.get(3000)
		b.Freeze()
		b.Thaw()
		if err := b.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	cycle("warm-up")
	goroutines, files := runtime.NumGoroutine(), openFiles()
	for i := range 5 {
		cycle(fmt.Sprint("cycle", i))
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > goroutines || openFiles() > files {
		if time.Now().After(deadline) {
			t.Fatalf("goroutines %d, were %d; files %d, were %d", runtime.NumGoroutine(), goroutines, openFiles(), files)
		}
		runtime.Gosched()
	}
}

func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}
