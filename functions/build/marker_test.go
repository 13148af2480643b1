package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// napping is a job in the middle of its build, with all the time that it wants.
func (b *fixture) napping() (j job.Job, nap func()) {
	b.T.Helper()
	j = b.at(b.slow().ID, job.Deps)
	_, err := b.Pool.Exec(b.T.Context(), `UPDATE jobs SET deadline_at = deadline_at + interval '1 day'`)
	b.OK(err)
	return j, func() {
		b.T.Helper()
		b.Pass(job.BuildTTL + time.Minute)
		if box, _ := b.E2B.Sandbox(j.SandboxID); box.State != e2bsim.StatePaused {
			b.T.Fatalf("the sandbox is %s", box.State)
		}
	}
}

// A sandbox that slept by its time-out comes back with its files, or the job
// ends: half a build is none.
func TestOlderFilesEndTheBuild(t *testing.T) {
	for name, wake := range map[string]func(b *fixture, j job.Job){
		"told": func(*fixture, job.Job) {},
		"in an answer that was lost": func(b *fixture, j job.Job) {
			_, resumed, err := b.Sandboxes.Connect(t.Context(), j.SandboxID, time.Hour)
			if b.OK(err); !resumed {
				t.Fatal("it ran")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j, nap := b.napping()
			for range 2 {
				nap()
				b.deliver()
				if row := b.Row(j.ID); row.Status != job.Deps {
					t.Fatalf("with its files the job is %s: %s", row.Status, row.ErrorMessage)
				}
			}
			nap()
			b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Stale})
			wake(b, j)
			b.deliver()
			row := b.Row(j.ID)
			if row.Status != job.Failed || !strings.Contains(row.ErrorMessage, "latest files") {
				t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
			}
			if box, _ := b.E2B.Sandbox(j.SandboxID); box.State != e2bsim.StateGone {
				t.Errorf("the sandbox is %s", box.State)
			}
		})
	}
}

// What E2B kept while a build slept is no preview: a resume must be able to tell
// it from READY's files.
func TestASnapshotFromWithinTheBuildIsOlderThanREADY(t *testing.T) {
	b := setup(t)
	r, install := page(), "while [ ! -e go ]; do sleep 0.05; done; echo whole >installed"
	r.Commands.Install = &install
	j := b.Set(b.accept(r).ID, fmt.Sprintf("polled_ms = %d, deadline_at = deadline_at + interval '1 day'", jobPoll.Milliseconds()))
	j = b.at(j.ID, job.Deps)
	b.Pass(job.BuildTTL + time.Minute)
	b.deliver()
	b.Run(j, "touch project/go")
	j = b.ready(j.ID)
	b.Fault(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.Destroy})
	if err := b.e2b.Pause(t.Context(), j.SandboxID); !errors.Is(err, e2b.ErrFailed) {
		t.Fatalf("the pause: %v", err)
	}
	sandbox, _, err := b.e2b.Connect(t.Context(), j.SandboxID, time.Hour)
	b.OK(err)
	inside := envd.Of(b.e2b, sandbox)
	if _, err := inside.ReadFile(t.Context(), job.Workspace+"/installed", 0, 100); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("READY's file: %v", err)
	}
	if marker, err := inside.ReadMarker(t.Context()); err != nil || marker >= j.MarkerEpoch {
		t.Errorf("half a build has the marker %d, %v; READY's is %d", marker, err, j.MarkerEpoch)
	}
}

// Without its records a build cannot tell which commands have run.
func TestABuildWhoseRecordsAreGoneFailsInWords(t *testing.T) {
	b := setup(t)
	j := b.at(b.slow().ID, job.Deps)
	b.Run(j, "rm -r .siesta")
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Failed || !strings.Contains(row.ErrorMessage, "keeps its records in the sandbox, is gone") {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
}

func TestABuildThatCannotKeepRecordsFailsInWords(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.Once(e2bsim.Create, e2bsim.Answered, func() { b.Run(b.theBox(), "touch .siesta") })
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Failed || !strings.Contains(row.ErrorMessage, "cannot be written") {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
}
