package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"siesta/local/runtimeapi"
)

var bootstrap string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if path := os.Getenv("RUNTIMEAPI_ORPHAN"); path != "" {
		return orphan(path)
	}
	dir, err := os.MkdirTemp("", "runtimeapi")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bootstrap = filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "./testdata/function")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the function: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// system is a server with one function, f, and the lines that it wrote.
type system struct {
	*runtimeapi.Server
	lines chan runtimeapi.Line
}

func start(t testing.TB, f runtimeapi.Function, o runtimeapi.Options) system {
	t.Helper()
	lines := make(chan runtimeapi.Line, 10000)
	o.Log = func(l runtimeapi.Line) { lines <- l }
	server, err := runtimeapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	f.Name = "f"
	if f.Path == "" {
		f.Path = bootstrap
	}
	if err := server.Register(f); err != nil {
		t.Fatal(err)
	}
	return system{server, lines}
}

func (s system) invoke(t testing.TB, event string) runtimeapi.Result {
	t.Helper()
	r, err := s.Invoke(t.Context(), "f", []byte(event))
	if err != nil {
		t.Errorf("invoke %s: %v", event, err)
	}
	return r
}

// line waits for a line that begins so and returns its rest and its process.
func (s system) line(t *testing.T, prefix string) (string, int) {
	t.Helper()
	for {
		select {
		case l := <-s.lines:
			if rest, ok := strings.CutPrefix(l.Text, prefix+" "); ok {
				return rest, l.Process
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no line %q", prefix)
		}
	}
}

type echo struct {
	Text, Request, Arn string
	LeftMs             int `json:"left_ms"`
	Pid                int
}

func decode(t testing.TB, r runtimeapi.Result) (e echo) {
	t.Helper()
	if err := json.Unmarshal(r.Payload, &e); err != nil || r.FunctionError != "" {
		t.Errorf("got %s %s: %v", r.FunctionError, r.Payload, err)
	}
	return e
}

func TestInvoke(t *testing.T) {
	s := start(t, runtimeapi.Function{Timeout: 20 * time.Second, Memory: 512}, runtimeapi.Options{})
	cold, warm := s.invoke(t, `{"Text":"one"}`), s.invoke(t, `{"Text":"two"}`)
	one, two := decode(t, cold), decode(t, warm)
	if one.Text != "one" || two.Text != "two" || one.Pid != two.Pid {
		t.Errorf("got %+v, %+v, want one process", one, two)
	}
	if one.Request != cold.RequestID || two.Request != warm.RequestID || cold.RequestID == warm.RequestID {
		t.Errorf("request ids: %+v, %+v", cold, warm)
	}
	if one.LeftMs < 10000 || one.LeftMs > 20000 || one.Arn != "arn:aws:lambda:us-east-1:000000000000:function:f" {
		t.Errorf("context: %+v", one)
	}
	if cold.Init <= 0 || warm.Init != 0 {
		t.Errorf("init: cold %v, warm %v", cold.Init, warm.Init)
	}
	for _, r := range []runtimeapi.Result{cold, warm} {
		if r.Billed%time.Millisecond != 0 || r.Billed < r.Init+r.Duration || r.Billed >= r.Init+r.Duration+time.Millisecond {
			t.Errorf("billed %v for %v + %v", r.Billed, r.Init, r.Duration)
		}
	}
	s.invoke(t, `{"Do":"error"}`) // the next poll tells what the two used
	bill := s.Bills()[0]
	if bill.Invocations != 3 || bill.Errors != 1 || bill.ColdStarts != 1 || bill.Billed < cold.Billed+warm.Billed {
		t.Errorf("bill: %+v", bill)
	}
	if bill.MaxMemory < 1<<20 && filepathExists("/proc/self/status") {
		t.Errorf("memory: %d", bill.MaxMemory)
	}
}

func filepathExists(path string) bool { _, err := os.Stat(path); return err == nil }

// What a function can do wrong, and what Lambda says about it. After each, the
// next invocation must work.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		event, kind, message string
		exits                bool
	}{
		"error":     {`{"Do":"error","Text":"no luck"}`, "errorString", "no luck", false},
		"panic":     {`{"Do":"panic","Text":"oh no"}`, "string", "oh no", true},
		"exit":      {`{"Do":"exit","N":7}`, "Runtime.ExitError", "Error: Runtime exited with error: exit status 7", true},
		"exit 0":    {`{"Do":"exit"}`, "Runtime.ExitError", "Error: Runtime exited without providing a reason", true},
		"time-out":  {`{"Do":"hang"}`, "Sandbox.Timedout", "Error: Task timed out after 1.00 seconds", true},
		"too large": {`{"Do":"big","N":7000000}`, "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).", true},
		"stream":    {`{"Do":"stream"}`, "errorString", "broke off", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, runtimeapi.Function{Timeout: time.Second}, runtimeapi.Options{})
			before := decode(t, s.invoke(t, `{}`)).Pid
			r := s.invoke(t, c.event)
			var told struct{ ErrorType, ErrorMessage string }
			if err := json.Unmarshal(r.Payload, &told); err != nil || r.FunctionError != "Unhandled" {
				t.Errorf("got %q %s", r.FunctionError, r.Payload)
			}
			message := strings.TrimPrefix(told.ErrorMessage, "RequestId: "+r.RequestID+" ")
			if told.ErrorType != c.kind || message != c.message {
				t.Errorf("got %s: %s, want %s: %s", told.ErrorType, message, c.kind, c.message)
			}
			if after := decode(t, s.invoke(t, `{}`)).Pid; (after != before) != c.exits {
				t.Errorf("process %d, then %d, want another: %t", before, after, c.exits)
			}
		})
	}
}

func TestStartFailures(t *testing.T) {
	for name, c := range map[string]struct {
		function runtimeapi.Function
		kind     string
		line     string
	}{
		"exit":      {runtimeapi.Function{Env: map[string]string{"AT_START": "exit"}}, "Runtime.ExitError", "cannot start"},
		"hang":      {runtimeapi.Function{Env: map[string]string{"AT_START": "hang"}}, "Sandbox.Timedout", ""},
		"no binary": {runtimeapi.Function{Path: "/nonexistent/bootstrap"}, "Runtime.InvalidEntrypoint", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, c.function, runtimeapi.Options{InitTimeout: 200 * time.Millisecond})
			var wait sync.WaitGroup
			for range 3 {
				wait.Go(func() {
					if r := s.invoke(t, `{}`); r.FunctionError == "" || !strings.Contains(string(r.Payload), `"`+c.kind+`"`) {
						t.Errorf("got %q %s, want %s", r.FunctionError, r.Payload, c.kind)
					}
				})
			}
			wait.Wait()
			if c.line != "" {
				if l := <-s.lines; l.Text != c.line || l.Function != "f" {
					t.Errorf("log: got %+v", l)
				}
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_PARENT", "x")
	s := start(t, runtimeapi.Function{Memory: 256, Env: map[string]string{"OWN": "1", "BOTH": "function"},
		ProcessEnv: func(n int) map[string]string { return map[string]string{"BOTH": "process " + strconv.Itoa(n)} }},
		runtimeapi.Options{Region: "eu-west-1"})
	var env []string
	if err := json.Unmarshal(s.invoke(t, `{"Do":"environment"}`).Payload, &env); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"OWN=1", "BOTH=process 1", "AWS_REGION=eu-west-1", "AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "_HANDLER=bootstrap", "AWS_ACCESS_KEY_ID=local", "TZ=:UTC"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %v", want, env)
		}
	}
	if slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "SECRET_OF") || strings.HasPrefix(v, "HOME=") }) {
		t.Errorf("inherited: %v", env)
	}
}

// Two at once need two processes; a third waits, gives up, and takes nothing.
func TestScaling(t *testing.T) {
	s := start(t, runtimeapi.Function{Timeout: time.Minute, MaxProcesses: 2}, runtimeapi.Options{})
	results := make(chan runtimeapi.Result, 2)
	for range 2 {
		go func() { results <- s.invoke(t, `{"Do":"hang"}`) }()
	}
	first, a := s.line(t, "hanging")
	second, b := s.line(t, "hanging")
	if a == b || first == second {
		t.Errorf("processes %d and %d", a, b)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Invoke(ctx, "f", []byte(`{}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third: got %v, want to wait until its deadline", err)
	}
	if !s.KillInvocation(first) || s.KillInvocation(first) {
		t.Error("an invocation must be killed exactly once")
	}
	if r := <-results; r.RequestID != first || !strings.Contains(string(r.Payload), "signal: killed") {
		t.Errorf("killed: got %+v %s", r, r.Payload)
	}
	if e := decode(t, s.invoke(t, `{"Text":"after"}`)); e.Text != "after" {
		t.Errorf("after the kill: got %+v", e)
	}
	if !s.Kill("f", b) || s.Kill("f", b) || s.Kill("g", 1) {
		t.Error("a process must be killed exactly once")
	}
	<-results
	if bill := s.Bills()[0]; bill.Invocations != 3 || bill.ColdStarts != 3 {
		t.Errorf("bill: %+v", bill)
	}
}

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
	s := start(t, runtimeapi.Function{Env: map[string]string{"AT_START": "sigterm"}}, runtimeapi.Options{})
	s.invoke(t, `{}`)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if l := <-s.lines; l.Text != "terminated" {
		t.Errorf("got %+v", l)
	}
}

func TestRefusals(t *testing.T) {
	s := start(t, runtimeapi.Function{}, runtimeapi.Options{})
	if _, err := s.Invoke(t.Context(), "g", nil); !errors.Is(err, runtimeapi.ErrUnknownFunction) {
		t.Errorf("unknown: got %v", err)
	}
	if _, err := s.Invoke(t.Context(), "f", make([]byte, runtimeapi.MaxPayload+1)); !errors.Is(err, runtimeapi.ErrTooLarge) {
		t.Errorf("too large: got %v", err)
	}
	for _, name := range []string{"f", "", "a/b"} {
		if err := s.Register(runtimeapi.Function{Name: name}); err == nil {
			t.Errorf("register %q: want an error", name)
		}
	}
}

// BenchmarkInvoke is a warm function that echoes: what the local system adds.
func BenchmarkInvoke(b *testing.B) {
	s := start(b, runtimeapi.Function{}, runtimeapi.Options{})
	s.invoke(b, `{}`)
	for b.Loop() {
		s.invoke(b, `{"Text":"x"}`)
	}
}

// BenchmarkColdStart is process start to first answer.
func BenchmarkColdStart(b *testing.B) {
	s := start(b, runtimeapi.Function{}, runtimeapi.Options{})
	var init time.Duration
	for b.Loop() {
		init += s.invoke(b, `{}`).Init
		b.StopTimer()
		for s.Recycle("f") == 0 {
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(init.Microseconds())/float64(b.N), "init-µs/op")
}
