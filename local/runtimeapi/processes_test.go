package runtimeapi_test

import (
	"slices"
	"testing"
	"time"

	"siesta/local/runtimeapi"
)

func TestProcessesAreThoseThatRun(t *testing.T) {
	s := start(t, runtimeapi.Function{Timeout: 20 * time.Second}, runtimeapi.Options{})
	if got := s.Processes(); len(got) != 0 {
		t.Errorf("before the first invocation: %v", got)
	}
	result := s.invoke(t, `{"Text":"hello"}`)
	want := []runtimeapi.Process{{Function: "f", Number: result.Process, PID: decode(t, result).Pid}}
	if got := s.Processes(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	s.Kill("f", result.Process)
	if got := s.Processes(); len(got) != 0 {
		t.Errorf("after its end: %v", got)
	}
}
