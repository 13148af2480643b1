package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/metrics"
)

// A failed iteration leaves the version before as it was, byte for byte, installed
// dependencies included; its preview answers, and is put to sleep.
func TestAFailedIterationPutsAllBack(t *testing.T) {
	bad := "exit 7"
	for name, change := range map[string]func(r *job.Request){
		"check": func(r *job.Request) { r.Commands.Check = &bad },
		"install": func(r *job.Request) {
			install := "mkdir -p node_modules/y a/node_modules && exit 7"
			r.Commands.Install = &install
		},
		"start": func(r *job.Request) { r.Commands.Start = &bad },
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			from := b.version(folder("one"))
			b.wake(from)
			before := b.tree(from)
			r := folder("")
			change(&r)
			j := b.iterate(from, r, map[string]string{"site/index.html": "two", "package.json": `{"a": 1}`, "src/a.js": "delete", "src/new/c.js": "3"})
			j = b.finished(j.ID)
			if j.Status != job.Failed || j.SandboxState != job.SandboxMoved || !strings.Contains(j.ErrorMessage, "exit code 7") {
				t.Errorf("the iteration is %s, its sandbox %s: %s", j.Status, j.SandboxState, j.ErrorMessage)
			}
			after := b.Row(from.ID)
			if after.SandboxState != job.SandboxRunning || after.PauseDueAt.After(after.ReadAt) || after.Epoch <= j.Epoch-1 || after.MovedTo != "" {
				t.Errorf("the version before is %+v", after)
			}
			if got := b.tree(after); got != before {
				t.Errorf("its workspace has\n%s\nwant\n%s", got, before)
			}
			if got := b.shown(after); got != "one" {
				t.Errorf("its preview shows %q", got)
			}
			pauses := b.SQS.Messages("pause")
			if last := pauses[len(pauses)-1].Body; !strings.Contains(last, fmt.Sprintf(`"epoch":%d`, after.Epoch)) || !strings.Contains(last, from.ID) {
				t.Errorf("the last pause message is %s", last)
			}
			if b.Calls(e2bsim.Kill) != 0 {
				t.Error("a sandbox was killed")
			}
			b.Pause(after)
		})
	}
}

// What a source takes away of what is installed, or writes into it, comes back too.
func TestASourceThatChangesWhatIsInstalled(t *testing.T) {
	for name, changed := range map[string]map[string]string{
		"removes a folder around it": {"packages/a": "delete"},
		"writes into it":             {"node_modules/x/id": "mine"},
		"replaces a file in it":      {"packages/a/node_modules/y/id": "mine"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := folder("one")
			install := *r.Commands.Install + " && mkdir -p packages/a/node_modules/y && echo $RANDOM >packages/a/node_modules/y/id && echo 1 >packages/a/index.js"
			r.Commands.Install = &install
			from := b.version(r)
			b.wake(from)
			before := b.tree(from)
			bad := "exit 7"
			r.Commands.Check = &bad
			b.finished(b.iterate(from, r, changed).ID)
			if got := b.tree(b.Row(from.ID)); got != before {
				t.Errorf("its workspace has\n%s\nwant\n%s", got, before)
			}
		})
	}
}

// Where the workspace cannot be copied whole, nothing in it is changed.
func TestAWorkspaceThatCannotBeCopiedIsLeftAlone(t *testing.T) {
	b := setup(t)
	r := folder("one")
	start := "mkdir sealed; chmod 0 sealed; exec " + functiontest.Self() + " site"
	r.Commands.Start = &start
	from := b.version(r)
	j := b.finished(b.iterate(from, r, map[string]string{"site/index.html": "two"}).ID)
	if j.Status != job.Failed || j.KeptHash != "" || !strings.Contains(j.ErrorMessage, "Copying the version before aside failed") {
		t.Errorf("the iteration is %s: %s", j.Status, j.ErrorMessage)
	}
	if from = b.Row(from.ID); from.SandboxState != job.SandboxRunning || b.shown(from) != "one" {
		t.Errorf("the version is %s", from.SandboxState)
	}
}

// Cancelled before anything was changed, the version has its sandbox again whatever E2B
// says.
func TestAnUntouchedVersionComesBackWithoutE2B(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	j := b.iterate(from, folder(""), map[string]string{"site/index.html": "two"})
	b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.RateLimited, Times: 100})
	b.deliver()
	if row := b.Row(j.ID); !row.Took() || row.Status != job.Starting {
		t.Fatalf("it is at %s, and took %q", row.Status, row.TakenFrom)
	}
	b.Must(b.Rows.Cancel(t.Context(), j.ID, "Cancelled by user", job.NewID()))
	connects := b.Calls(e2bsim.Connect)
	j = b.finished(j.ID)
	if from = b.Row(from.ID); from.SandboxState != job.SandboxRunning || from.MovedTo != "" || b.Calls(e2bsim.Connect) != connects {
		t.Errorf("the version is %s after %d connects more", from.SandboxState, b.Calls(e2bsim.Connect)-connects)
	}
	if j.ErrorMessage != "Cancelled by user" {
		t.Errorf("the iteration says %q", j.ErrorMessage)
	}
}

// Cancelled at work, an iteration's own builder gives back at its next write, in that
// turn.
func TestACancelledIterationGivesBackInItsTurn(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	j := b.iterate(from, folder(""), map[string]string{"site/index.html": "two"})
	b.Once(e2bsim.Files, e2bsim.Answered, func() {
		b.Must(b.Rows.Cancel(context.Background(), j.ID, "Cancelled by user", job.NewID()))
	})
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Failed || row.Turn != 0 {
		t.Errorf("the iteration is %s at turn %d", row.Status, row.Turn)
	}
	if from = b.Row(from.ID); from.SandboxState != job.SandboxRunning {
		t.Fatalf("the version is %s", from.SandboxState)
	}
	if got := b.shown(from); got != "one" {
		t.Errorf("its preview shows %q", got)
	}
}

// What a build has used up of its time to wait does not delay that all is put back.
func TestALongBuildIsPutBackAtOnce(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	r := folder("")
	check := "until [ -e /tmp/go-" + from.ID + " ]; do sleep 0.05; done; exit 1"
	r.Commands.Check = &check
	j := b.at(b.iterate(from, r, map[string]string{"site/index.html": "two"}).ID, job.Checks)
	b.Set(j.ID, fmt.Sprintf("polled_ms = %d, step_started_at = step_started_at - interval '30 minutes'", jobPoll.Milliseconds()))
	b.wake(from)
	b.Run(from, "touch /tmp/go-"+from.ID+"; until [ -e .siesta/*/0-check/exit ]; do sleep 0.05; done")
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Failed {
		t.Errorf("after the turn that found the check to have failed the iteration is %s, and gives back: %v", row.Status, row.GivesBack())
	}
}

// While E2B refuses or does not answer, nothing is given up: the wait grows.
func TestAnOutageEndsNoVersion(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	bad, slow := "sleep 100000", "true"
	r := folder("")
	r.Commands.Install, r.Commands.Check = &bad, &slow
	j := b.at(b.iterate(from, r, map[string]string{"site/index.html": "two", "package.json": "[]"}).ID, job.Deps)
	b.Must(b.Rows.Cancel(t.Context(), j.ID, "Cancelled by user", job.NewID()))
	b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer, Status: 403, Times: 1000})
	var waits []time.Duration
	for total := time.Duration(0); total < 5*time.Hour; total += waits[len(waits)-1] {
		b.deliver()
		row := b.Row(j.ID)
		if !row.GivesBack() {
			t.Fatalf("it is %s: %s", row.Status, row.ErrorMessage)
		}
		waits = append(waits, row.LeaseUntil.Sub(row.ReadAt))
	}
	if first, last := waits[0], waits[len(waits)-1]; first > time.Minute || last < 9*time.Minute || len(waits) > 60 {
		t.Errorf("%d turns, the first wait %v, the last %v", len(waits), first, last)
	}
	b.E2B.ClearFaults()
	b.until(j.ID, "finished", func(j job.Job) bool { return j.Status.Terminal() })
	if from = b.Row(from.ID); from.SandboxState != job.SandboxRunning || b.shown(from) != "one" {
		t.Errorf("the version is %s", from.SandboxState)
	}
}

// What an app does against its own way back keeps its sandbox awake for a while, not for
// a day.
func TestAWorkspaceThatIsHeldIsGivenUp(t *testing.T) {
	for name, held := range map[string]string{
		"every step hangs": "echo 'sleep 100000' >~/.bash_profile",
		"every step fails": "echo 'exit 9' >~/.bash_profile",
		"no step starts":   "rm -rf ../.siesta/*; chmod 0 ../.siesta",
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			from := b.version(folder("one"))
			r := folder("")
			check := held + "; exit 1"
			r.Commands.Check = &check
			j := b.iterate(from, r, map[string]string{"site/index.html": "two"})
			var tried time.Duration
			j = b.until(j.ID, "finished", func(j job.Job) bool {
				if j.GivesBack() {
					tried = j.ReadAt.Sub(j.FailingAt)
				}
				return j.Status.Terminal()
			})
			if tried < 10*time.Minute || tried > 2*time.Hour {
				t.Errorf("it was tried for %v", tried)
			}
			if from = b.Row(from.ID); j.SandboxState != job.SandboxGone || from.SandboxState != job.SandboxGone || b.Calls(e2bsim.Kill) != 1 {
				t.Errorf("the iteration's sandbox is %s, the version's %s, after %d kills", j.SandboxState, from.SandboxState, b.Calls(e2bsim.Kill))
			}
		})
	}
}

// A sandbox that is lost with an iteration's changes is gone for both; one that is lost
// before that is no reason to fail.
func TestALostSandbox(t *testing.T) {
	t.Run("before the copy", func(t *testing.T) {
		b := setup(t)
		from := b.version(folder("one"))
		b.OK(b.Sandboxes.Kill(t.Context(), from.SandboxID))
		j := b.ready(b.iterate(from, folder(""), map[string]string{"site/index.html": "two"}).ID)
		if j.SandboxID == from.SandboxID || b.shown(j) != "two" || b.Run(j, "cat project/src/a.js") != "1" {
			t.Errorf("READY: %+v", j)
		}
		if from = b.Row(from.ID); from.SandboxState != job.SandboxGone || from.GoneAt.IsZero() {
			t.Errorf("the version is %s", from.SandboxState)
		}
	})
	t.Run("after it", func(t *testing.T) {
		b := setup(t)
		from := b.version(folder("one"))
		install := "sleep 100000"
		r := folder("")
		r.Commands.Install = &install
		j := b.at(b.iterate(from, r, map[string]string{"package.json": "[]"}).ID, job.Deps)
		b.OK(b.Sandboxes.Kill(t.Context(), from.SandboxID))
		j = b.finished(j.ID)
		if j.Status != job.Failed || j.SandboxState != job.SandboxGone || !strings.Contains(j.ErrorMessage, "built again") {
			t.Errorf("the iteration is %s, its sandbox %s: %s", j.Status, j.SandboxState, j.ErrorMessage)
		}
		if from = b.Row(from.ID); from.SandboxState != job.SandboxGone || from.GoneAt.IsZero() {
			t.Errorf("the version is %s", from.SandboxState)
		}
		b.wantEnds(metrics.JobsFailedSandbox, 1)
	})
	t.Run("with older files", func(t *testing.T) {
		b := setup(t)
		from := b.version(folder("one"))
		install := "sleep 100000"
		r := folder("")
		r.Commands.Install = &install
		j := b.at(b.iterate(from, r, map[string]string{"package.json": "[]"}).ID, job.Deps)
		_, err := b.Pool.Exec(t.Context(), `UPDATE jobs SET deadline_at = deadline_at + interval '1 day'`)
		b.OK(err)
		b.Pass(job.BuildTTL + time.Minute)
		b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Stale})
		j = b.finished(j.ID)
		if from = b.Row(from.ID); j.SandboxState != job.SandboxGone || from.SandboxState != job.SandboxGone || b.Calls(e2bsim.Kill) != 1 {
			t.Errorf("the iteration's is %s, the version's %s, after %d kills", j.SandboxState, from.SandboxState, b.Calls(e2bsim.Kill))
		}
	})
}

// An app that removes our folder costs its iteration, and no preview.
func TestAMissingMarkerLosesNoPreview(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	b.wake(from)
	b.Run(from, "rm -rf .siesta")
	j := b.finished(b.iterate(from, folder(""), map[string]string{"site/index.html": "two"}).ID)
	if j.Status != job.Failed || !strings.Contains(j.ErrorMessage, "/home/user/.siesta") {
		t.Errorf("the iteration is %s: %s", j.Status, j.ErrorMessage)
	}
	if from = b.Row(from.ID); from.SandboxState != job.SandboxRunning || b.shown(from) != "one" {
		t.Errorf("the version is %s", from.SandboxState)
	}
}

// A copy that is not what was copied is not handed back.
func TestWhatIsNotProvedIsNotHandedBack(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	r := folder("")
	check := "echo spoilt >$(echo ../.siesta/*/keep/files/src/a.js); exit 1"
	r.Commands.Check = &check
	j := b.finished(b.iterate(from, r, map[string]string{"site/index.html": "two"}).ID)
	if from = b.Row(from.ID); from.SandboxState != job.SandboxGone || j.SandboxState != job.SandboxGone || j.Status != job.Failed {
		t.Errorf("the version's is %s, the iteration's %s", from.SandboxState, j.SandboxState)
	}
}

// A sandbox in which nothing answers for a while, though E2B goes on as ever, is no lost
// one: all is put back once it does.
func TestASilentSandboxEndsNoVersion(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	slow := "sleep 100000"
	r := folder("")
	r.Commands.Check = &slow
	j := b.at(b.iterate(from, r, map[string]string{"site/index.html": "two"}).ID, job.Checks)
	b.Must(b.Rows.Cancel(t.Context(), j.ID, "Cancelled by user", job.NewID()))
	b.hang(e2bsim.StartProcess, 1)
	for range 3 {
		if again := b.deliver(); again != 0 {
			t.Errorf("the message comes again in %v", again)
		}
		if row := b.Row(j.ID); !row.GivesBack() {
			t.Fatalf("it is %s after %d crashes: %s", row.Status, row.Crashes, row.ErrorMessage)
		}
	}
	b.E2B.ClearFaults()
	b.until(j.ID, "finished", func(j job.Job) bool { return j.Status.Terminal() })
	if from = b.Row(from.ID); from.SandboxState != job.SandboxRunning || b.shown(from) != "one" || b.Calls(e2bsim.Kill) != 0 {
		t.Errorf("the version is %s, after %d kills", from.SandboxState, b.Calls(e2bsim.Kill))
	}
}

// A template without the tools for a copy is told what would help.
func TestATemplateWithoutTheToolsForACopySaysSo(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	b.wake(from)
	b.Run(from, `mkdir bin && printf '#!/bin/sh\necho busybox' >bin/tar && chmod 755 bin/tar && echo 'PATH=$HOME/bin:$PATH' >.bash_profile`)
	j := b.finished(b.iterate(from, folder(""), map[string]string{"site/index.html": "two"}).ID)
	if j.Status != job.Failed || !strings.Contains(j.ErrorMessage, "no GNU tar and coreutils") || !strings.Contains(j.ErrorMessage, "keep_previous") {
		t.Errorf("the iteration is %s: %s", j.Status, j.ErrorMessage)
	}
	if from = b.Row(from.ID); from.SandboxState != job.SandboxRunning {
		t.Errorf("the version is %s", from.SandboxState)
	}
}
