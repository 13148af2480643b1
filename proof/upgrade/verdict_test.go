package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
)

func ready() row { return row{Status: job.Ready, SandboxState: job.SandboxPaused, SandboxID: "s"} }

func failed(why string) row {
	return row{Status: job.Failed, SandboxState: job.SandboxGone, SandboxID: "s", ErrorMessage: why}
}

// TestTheVerdict tells each way in which a job can be lost, and no other end.
func TestTheVerdict(t *testing.T) {
	gone := ready()
	gone.SandboxState = job.SandboxGone
	deleted := ready()
	deleted.DeletedAt, deleted.TakenFrom = time.Now(), "a"
	back := wayBack{ended: map[string]bool{"ended": true}, previews: map[string]bool{"given": true}}
	for name, c := range map[string]struct {
		id   string
		made made
		row  row
		want string
	}{
		"asleep":                    {"a", made{}, ready(), ""},
		"cancelled":                 {"a", made{cancelled: true}, failed("Cancelled by user"), ""},
		"its check failed":          {"a", made{breaks: true}, failed("Running checks failed with exit code 1."), ""},
		"what it starts from went":  {"a", made{from: "base"}, failed("The code of the version to start from is no longer kept."), ""},
		"in flight on the way back": {"ended", made{}, failed(changedBack), ""},
		"its sandbox was taken":     {"given", made{}, gone, ""},
		"deleted":                   {"a", made{deleted: true}, deleted, ""},
		"no row":                    {"a", made{}, row{}, "no row"},
		"unfinished":                {"a", made{}, row{Status: job.Checks}, "is checks in the end"},
		"cancelled by nobody":       {"a", made{}, failed("Cancelled by user"), "failed"},
		"not in flight":             {"a", made{}, failed(changedBack), "failed"},
		"lost":                      {"a", made{}, failed("The sandbox of this build was lost. Please try again."), "was lost"},
		"dead":                      {"a", made{}, gone, "its preview is gone"},
		"it cannot be":              {"a", made{breaks: true}, ready(), "its check fails"},
		"deleted in vain":           {"a", made{deleted: true}, ready(), "is there"},
	} {
		rows := map[string]row{"base": {ID: "base", DeletedAt: time.Now()}}
		if c.row.Status != "" {
			c.row.ID = c.id
			rows[c.id] = c.row
		}
		told := strings.Join(verdict(map[string]*made{c.id: &c.made, "base": {deleted: true}}, rows, back), "\n")
		if c.want == "" && told != "" || !strings.Contains(told, c.want) {
			t.Errorf("%s: told is %q, want %q", name, told, c.want)
		}
	}
	gone.ID, deleted.ID = "a", "b"
	if told := verdict(map[string]*made{"a": {}}, map[string]row{"a": gone, "b": deleted}, back); len(told) > 0 {
		t.Errorf("its sandbox went with a later version, and told is %q", told)
	}
}

// TestTheWayBackForgetsNothing that was given up before it: its rows do not say any more
// whose sandbox they had taken. What has no preview for another reason is told.
func TestTheWayBackForgetsNothing(t *testing.T) {
	before, deleted, dead := ready(), ready(), ready()
	before.ID, before.SandboxState = "given up before", job.SandboxGone
	deleted.ID, deleted.DeletedAt, deleted.TakenFrom = "deleted", time.Now(), before.ID
	dead.ID, dead.SandboxState = "dead", job.SandboxGone
	rows := map[string]row{before.ID: before, deleted.ID: deleted, dead.ID: dead}
	after := map[string]row{}
	for id, r := range rows {
		r.SandboxState, r.SandboxID, r.TakenFrom = job.SandboxNone, "", ""
		after[id] = r
	}
	all := map[string]*made{before.ID: {}, deleted.ID: {deleted: true}, dead.ID: {}}
	told := verdict(all, after, wentBack(rows, after))
	if len(told) != 1 || !strings.Contains(told[0], "job dead ") {
		t.Errorf("told is %q", told)
	}
}

// TestAKilledSandboxIsTold where a version or a build has it.
func TestAKilledSandboxIsTold(t *testing.T) {
	paused, ended := ready(), failed("words")
	paused.ID, ended.SandboxState = "a", job.SandboxRunning
	rows := map[string]row{"a": paused, "b": ended}
	if told := dead(rows, map[string]bool{"s": false}); len(told) != 1 || !strings.Contains(told[0], "job a") {
		t.Errorf("told is %q", told)
	}
	moved := ready()
	moved.ID, moved.SandboxState, moved.MovedTo = "c", job.SandboxMoved, "b"
	if told := dead(map[string]row{"b": ended, "c": moved}, nil); len(told) != 1 || !strings.Contains(told[0], "job c") {
		t.Errorf("an iteration failed with the sandbox, and told is %q", told)
	}
	if told := dead(rows, map[string]bool{"s": true}); len(told) > 0 {
		t.Errorf("it is there, and told is %q", told)
	}
}

// TestWhereIterationsAre: in each place that a way back may find one.
func TestWhereIterationsAre(t *testing.T) {
	base := ready()
	moved := base
	moved.SandboxState = job.SandboxMoved
	taken := row{Status: job.Starting, SandboxState: job.SandboxRunning, TakenFrom: "moved", BaseJobID: "moved"}
	changes, goes := taken, taken
	changes.Status, changes.KeptHash = job.Checks, "hash"
	goes.Status, goes.KeptHash, goes.Failing = job.Checks, "hash", "words"
	given := row{Status: job.Failed, SandboxState: job.SandboxMoved, TakenFrom: "base", BaseJobID: "base"}
	next := ready()
	next.TakenFrom, next.BaseJobID = "moved", "moved"
	rows := map[string]row{
		"base": base, "moved": moved, "queued": {Status: job.Queued, BaseJobID: "base"}, "taken": taken,
		"changes": changes, "goes": goes, "given": given, "next": next,
	}
	p := placesOf(rows)
	for place, found := range map[string]int{
		"queued": len(p.queued), "taken": len(p.taken), "changes": len(p.changes), "goes": len(p.goes), "given": len(p.given), "ready": len(p.ready),
	} {
		if found != 1 {
			t.Errorf("%d are %s, want one", found, place)
		}
	}
}

// TestADeployedFunctionIsAnotherFile: what runs goes on with the one that it has.
func TestADeployedFunctionIsAnotherFile(t *testing.T) {
	dir := t.TempDir()
	b := built{old: filepath.Join(dir, "old"), new: filepath.Join(dir, "new"), live: filepath.Join(dir, "live")}
	for _, from := range []string{b.old, b.new} {
		for _, name := range []string{"build", "migrate", "status"} {
			if err := os.MkdirAll(filepath.Join(from, name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(from, name, "bootstrap"), []byte(from), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if names := strings.Join(inOrder(b.old), " "); names != "status build" {
		t.Errorf("the order is %s", names)
	}
	for _, from := range []string{b.new, b.old, b.old, b.new} {
		if err := b.link("build", from); err != nil {
			t.Fatal(err)
		}
		if runs, err := os.ReadFile(filepath.Join(b.live, "build", "bootstrap")); err != nil || string(runs) != from {
			t.Errorf("what runs is of %s, %v, want %s", runs, err, from)
		}
	}
	if n, err := newest("../.."); err != nil || n < 14 {
		t.Errorf("the newest migration is %d, %v", n, err)
	}
}
