package systemtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/job"
)

// runnerFlag makes this test binary a program that runs a system with a preview
// that is awake, and waits to be killed.
const runnerFlag = "run-a-system"

// runner is the main program of that. Its argument is the folder of the built
// programs.
func runner(programs string) error {
	built = programs
	r, err := start(awake)
	if err != nil {
		return err
	}
	fmt.Println(r.APIURL, r.Token, r.dir)
	select {}
}

// TestNothingIsLeftBehind: neither by a system that was closed nor by one whose
// runner was killed.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		before := below(t, os.Getpid())
		r, err := start(awake)
		if err != nil {
			t.Fatal(err)
		}
		s := r.in(t)
		j := s.preview(s.user())
		if code, _ := s.visit(j.PreviewURL); code != 200 {
			t.Fatalf("the preview answered %d", code)
		}
		if during := below(t, os.Getpid()); len(during) < len(before)+8 {
			t.Fatalf("only %d processes run", len(during))
		}
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		for pid, command := range below(t, os.Getpid()) {
			if before[pid] == "" {
				t.Errorf("left behind: %d %s", pid, command)
			}
		}
		if _, err := os.Stat(r.dir); !os.IsNotExist(err) {
			t.Errorf("the system's folder: %v, want it gone", err)
		}
	})
	t.Run("killed", func(t *testing.T) {
		s := &system{running: &running{}, t: t}
		cmd := exec.Command(os.Args[0], runnerFlag, built)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		defer kill()
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			rest, _ := io.ReadAll(out)
			t.Fatalf("the runner ended: %v %s", err, rest)
		}
		told := strings.Fields(line)
		defer os.RemoveAll(told[2])
		s.Stack = &stack.Stack{APIURL: told[0]}
		u := user{s, "developer", told[1], job.NewID()}
		id := u.start(page("hello"))
		s.until("the preview is awake", func() bool { return u.status(id).Status.Terminal() })

		left := below(t, cmd.Process.Pid)
		if len(left) < 8 {
			t.Fatalf("only %d processes run: %v", len(left), left)
		}
		kill()
		s.until("everything has ended with its runner", func() bool {
			for pid := range left {
				stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
				zombie := strings.Contains(string(stat), ") Z ") // ended; not every machine's init takes note at once
				if zombie || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
					delete(left, pid)
				}
			}
			return len(left) == 0
		})
	})
}

// below lists the processes that descend from one, with their commands.
func below(t *testing.T, root int) map[int]string {
	t.Helper()
	ps := exec.Command("ps", "-A", "-o", "pid=,ppid=,args=")
	out, err := ps.Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	children, commands := map[int][]int{}, map[int]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pid, errPID := strconv.Atoi(fields[0])
		parent, errParent := strconv.Atoi(fields[1])
		if errPID != nil || errParent != nil || pid == ps.Process.Pid {
			continue
		}
		children[parent] = append(children[parent], pid)
		commands[pid] = strings.Join(fields[2:], " ")
	}
	found := map[int]string{}
	for next := children[root]; len(next) > 0; next = next[1:] {
		found[next[0]] = commands[next[0]]
		next = append(next, children[next[0]]...)
	}
	return found
}

// TestTwoSystemsAtOnce share one E2B team, and each leaves alone what belongs
// to the other.
func TestTwoSystemsAtOnce(t *testing.T) {
	one := newStack(t, awake)
	two := newStack(t, func(c *stack.Config) {
		awake(c)
		c.Env["E2B_API_URL"], c.Env["E2B_API_KEY"] = one.E2BAPIURL, one.E2BAPIKey
		c.Env["E2B_SANDBOX_URL"], c.Env["E2B_DOMAIN"] = one.E2BSandboxURL, one.E2BDomain
	})
	mine, theirs := one.preview(one.user()), two.preview(two.user())
	for range 3 {
		one.passTime(3 * time.Minute)
		one.reconcile()
		two.reconcile()
	}
	for _, j := range []job.Job{mine, theirs} {
		if state := one.box(j).State; state != e2bsim.StateRunning {
			t.Errorf("the preview of job %s is %s, want running", j.ID, state)
		}
		if code, body := one.visit(j.PreviewURL); code != 200 || body != "hello" {
			t.Errorf("the preview of job %s answered %d %q", j.ID, code, body)
		}
	}
	if one.StackTag == two.StackTag {
		t.Error("both systems have one tag")
	}
}
