package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/job"
)

func TestMain(m *testing.M) {
	become()
	os.Exit(m.Run())
}

// TestManyJobsAtOnce is "make load", smaller, for its promises alone: what a run
// costs depends on what else the machine does.
func TestManyJobsAtOnce(t *testing.T) {
	dir, err := os.MkdirTemp("", "siesta-load-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // sandboxes run under users of their own
		t.Fatal(err)
	}
	c := config{
		root: "../..", bin: filepath.Join(dir, "bin"), data: filepath.Join(dir, "data"), log: filepath.Join(dir, "log"),
		jobs: 30, wakes: 10, clients: 20, processes: 4, reconcileEvery: 2 * time.Second, patience: 3 * time.Minute, progress: t.Output(),
	}
	if err := stack.Build(t.Context(), c.root, c.bin); err != nil {
		t.Fatal(err)
	}
	rows, err := measure(t.Context(), c)
	if err != nil {
		t.Error(err)
	}
	_ = write(t.Output(), rows)
	for _, line := range broken(rows) {
		t.Error(line)
	}
	if t.Failed() {
		log, _ := os.ReadFile(c.log) // then there is none to show
		lines := strings.Split(string(log), "\n")
		t.Logf("what the functions wrote last:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
}

// TestWhatIsWrongIsTold: each of the ways in which a run can end badly makes a
// row of it.
func TestWhatIsWrongIsTold(t *testing.T) {
	good := func() view {
		j := job.Job{ID: "a", Status: job.Ready, SandboxID: "s", SandboxState: job.SandboxPaused, SandboxPaused: true, Revision: 7}
		return view{
			ids: []string{"a"}, rows: map[string]job.Job{"a": j}, cached: map[string]job.Job{"a": j}, messages: map[string]int{},
			sandboxes: map[string][]e2bsim.Info{"a": {{ID: "s", State: e2bsim.StatePaused}}},
		}
	}
	if lines := broken(good().promises()); len(lines) > 0 {
		t.Fatalf("all is well, and told is %q", lines)
	}
	change := func(v view, f func(*job.Job)) {
		j := v.rows["a"]
		f(&j)
		v.rows["a"] = j
	}
	for want, spoil := range map[string]func(v view){
		"jobs READY":                     func(v view) { change(v, func(j *job.Job) { j.Status = job.Checks }) },
		"sandboxes asleep":               func(v view) { v.sandboxes["a"][0].State = e2bsim.StateRunning },
		"jobs with exactly one sandbox":  func(v view) { v.sandboxes["a"] = append(v.sandboxes["a"], e2bsim.Info{ID: "t"}) },
		"sandbox z belongs to no job":    func(v view) { v.sandboxes["b"] = []e2bsim.Info{{ID: "z"}} },
		"false in the row":               func(v view) { change(v, func(j *job.Job) { j.SandboxPaused = false }) },
		"in the cache (revision 6)":      func(v view) { v.cached["a"] = job.Job{SandboxPaused: true, Revision: 6} },
		"false in the cache":             func(v view) { delete(v.cached, "a") },
		"jobs that lost a turn":          func(v view) { change(v, func(j *job.Job) { j.Crashes = 1 }) },
		"messages in PauseDeadLetters: ": func(v view) { v.messages["PauseDeadLetters"] = 1 },
	} {
		v := good()
		spoil(v)
		if told := fmt.Sprint(broken(v.promises())); !strings.Contains(told, want) {
			t.Errorf("told is %s, want %q in it", told, want)
		}
	}
	var c connections
	c.note(map[string]int{"build-1": 2, "build-2": 3}, nil)
	if told := fmt.Sprint(broken(c.rows(4))); !strings.Contains(told, "one process of build: 3") {
		t.Errorf("of a pool that is too large told is %s", told)
	}
}
