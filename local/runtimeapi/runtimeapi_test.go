package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/runtimeapi"
)

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
		"time-out":  {`{"Do":"hang"}`, "Sandbox.Timedout", "Error: Task timed out after 2.00 seconds", true},
		"too large": {`{"Do":"big","N":7000000}`, "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).", true},
		"stream":    {`{"Do":"stream"}`, "errorString", "broke off", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := time.Minute
			if name == "time-out" {
				timeout = 2 * time.Second
			}
			s := start(t, runtimeapi.Function{Timeout: timeout}, runtimeapi.Options{})
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
			patience := time.Minute
			if name == "hang" {
				patience = 200 * time.Millisecond
			}
			s := start(t, c.function, runtimeapi.Options{InitTimeout: patience})
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
