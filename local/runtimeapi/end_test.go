package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"siesta/local/runtimeapi"
)

func TestRecycleAndReap(t *testing.T) {
	s := start(t, runtimeapi.Function{}, runtimeapi.Options{})
	before := decode(t, s.invoke(t, `{}`)).Pid
	for s.Recycle("f") == 0 { // until it polls again
	}
	r := s.invoke(t, `{}`)
	if decode(t, r).Pid == before || r.Init == 0 {
		t.Errorf("recycle: still process %d", before)
	}

	s = start(t, runtimeapi.Function{IdleTimeout: time.Millisecond}, runtimeapi.Options{})
	process, err := os.FindProcess(decode(t, s.invoke(t, `{}`)).Pid)
	for ; err == nil; err = process.Signal(syscall.Signal(0)) {
	}
	s.invoke(t, `{}`)
}

// Nothing outlives Close: not the function, not what it started.
func TestClose(t *testing.T) {
	s := start(t, runtimeapi.Function{Timeout: time.Minute}, runtimeapi.Options{})
	failed := make(chan runtimeapi.Result, 1)
	go func() { failed <- s.invoke(t, `{"Do":"descend"}`) }()
	text, _ := s.line(t, "descendant")
	pid, _ := strconv.Atoi(text)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if r := <-failed; r.FunctionError == "" {
		t.Errorf("the invocation under way: got %s", r.Payload)
	}
	waitGone(t, pid)
	if _, err := s.Invoke(t.Context(), "f", nil); !errors.Is(err, runtimeapi.ErrClosed) {
		t.Errorf("invoke after close: got %v", err)
	}
}

// A function that ends takes along what it started.
func TestDescendants(t *testing.T) {
	s := start(t, runtimeapi.Function{}, runtimeapi.Options{})
	s.invoke(t, `{"Do":"descend","Text":"exit"}`)
	text, _ := s.line(t, "descendant")
	pid, _ := strconv.Atoi(text)
	waitGone(t, pid)
}

// waitGone: a killed orphan is gone once its new parent has collected it.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if syscall.Kill(pid, 0) != nil || strings.Contains(string(status), ") Z ") {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

// orphan is this test's binary as a server that will be killed.
func orphan(path string) int {
	s, err := runtimeapi.New(runtimeapi.Options{Log: func(l runtimeapi.Line) { fmt.Printf("%q\n", l.Text) }})
	if err == nil {
		err = s.Register(runtimeapi.Function{Name: "f", Path: path, Timeout: time.Minute})
	}
	if err == nil {
		var r runtimeapi.Result
		r, err = s.Invoke(context.Background(), "f", []byte(`{}`))
		fmt.Println(string(r.Payload))
	}
	if err == nil {
		_, err = s.Invoke(context.Background(), "f", []byte(`{"Do":"hang"}`))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return 1
}

// Nothing outlives the server itself, even if it is killed: not even a function
// that never looks at its connection.
func TestKilledServer(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "RUNTIMEAPI_ORPHAN="+bootstrap)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var e echo
	var hanging string
	in := json.NewDecoder(out)
	if err := errors.Join(in.Decode(&e), in.Decode(&hanging)); err != nil || syscall.Kill(e.Pid, 0) != nil {
		t.Errorf("function %d, %q: %v", e.Pid, hanging, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	waitGone(t, e.Pid)
}

// Ending idle processes never costs an invocation.
func TestRecycleUnderLoad(t *testing.T) {
	s := start(t, runtimeapi.Function{MaxProcesses: 4, IdleTimeout: 2 * time.Millisecond}, runtimeapi.Options{})
	stop := make(chan struct{})
	recycled := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				recycled <- n
				return
			default:
				n += s.Recycle("f")
			}
		}
	}()
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			for i := range 100 {
				if e := decode(t, s.invoke(t, fmt.Sprintf(`{"Text":"%d"}`, i))); e.Text != strconv.Itoa(i) {
					t.Errorf("got %+v, want %d", e, i)
				}
			}
		})
	}
	wait.Wait()
	close(stop)
	if <-recycled == 0 {
		t.Error("nothing was recycled")
	}
	if bill := s.Bills()[0]; bill.Invocations != 200 || bill.Errors != 0 || bill.ColdStarts < 2 {
		t.Errorf("bill: %+v", bill)
	}
}

// A function that registers for SIGTERM gets it, and the time to use it.
func TestSigterm(t *testing.T) {
	s := start(t, runtimeapi.Function{Env: map[string]string{"AT_START": "sigterm"}}, runtimeapi.Options{TermTimeout: time.Minute})
	s.invoke(t, `{}`)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select { // the process has ended
	case l := <-s.lines:
		if l.Text != "terminated" {
			t.Errorf("got %+v", l)
		}
	default:
		t.Error("it was killed without a SIGTERM")
	}
}
