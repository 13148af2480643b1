package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/sqssim"
	"siesta/local/stack"
	"siesta/proof/promises"
	"siesta/proof/world"
	"siesta/shared/job"
)

func TestMain(m *testing.M) {
	world.Init()
	os.Exit(m.Run())
}

// TestManyJobsAtOnce is "make load", smaller, for its promises alone: what a run
// costs depends on what else the machine does.
func TestManyJobsAtOnce(t *testing.T) {
	dir, err := world.Folder("load")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
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
	good := func() *view {
		return &view{ids: []string{"a"}, View: promises.View{
			Jobs:      []job.Job{{ID: "a", Status: job.Ready, SandboxID: "s", SandboxState: job.SandboxPaused, SandboxPaused: true, Revision: 7}},
			Sandboxes: []e2bsim.Info{{ID: "s", State: e2bsim.StatePaused, Metadata: job.Tags("", "a", 1)}},
			Cached: map[string]map[string]string{"a": {
				"status": "ready", "revision": "7", "sandbox_state": "paused", "sandbox_paused": "true", "sandbox_id": "s",
			}},
			Messages: map[string][]sqssim.Message{},
		}}
	}
	if lines := broken(good().promises()); len(lines) > 0 {
		t.Fatalf("all is well, and told is %q", lines)
	}
	for want, spoil := range map[string]func(v *view){
		"jobs READY: ": func(v *view) { v.Jobs[0].Status = job.Checks },
		`job b is ""`:  func(v *view) { v.ids = append(v.ids, "b") },
		"sandboxes asleep": func(v *view) {
			v.Jobs[0].SandboxState, v.Jobs[0].SandboxPaused, v.Sandboxes[0].State = job.SandboxRunning, false, e2bsim.StateRunning
		},
		`its sandbox "s" is gone`: func(v *view) { // on all sides
			v.Jobs[0].SandboxState, v.Jobs[0].SandboxPaused, v.Sandboxes[0].State = job.SandboxGone, false, e2bsim.StateGone
			v.Cached["a"]["sandbox_state"], v.Cached["a"]["sandbox_paused"] = "gone", "false"
		},
		"jobs with exactly one sandbox":                 func(v *view) { v.Sandboxes[0].ID = "t" },
		"jobs of which row, cache and E2B say the same": func(v *view) { delete(v.Cached, "a") },
		"jobs that lost a turn":                         func(v *view) { v.Jobs[0].Crashes = 1 },
		"messages in PauseDeadLetters: ":                func(v *view) { v.Messages["PauseDeadLetters"] = make([]sqssim.Message, 1) },
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
