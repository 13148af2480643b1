package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/sqs"
)

// folder is a request for an app that serves files, with a dependency that its install
// makes.
func folder(index string) job.Request {
	r := page()
	install, start := "mkdir -p node_modules/x && echo $RANDOM >node_modules/x/id", "exec "+functiontest.Self()+" site"
	r.Commands.Install, r.Commands.Start = &install, &start
	r.Source.Files = files(map[string]string{"site/index.html": index, "package.json": "{}", "src/a.js": "1", "src/b.js": "2"})
	return r
}

func files(content map[string]string) map[string]job.File {
	all := map[string]job.File{}
	for name, text := range content {
		all[name] = job.File{Content: []byte(text), Delete: text == "delete"}
	}
	return all
}

// version is a READY job of a request, asleep.
func (b *fixture) version(r job.Request) job.Job {
	b.T.Helper()
	return b.Pause(b.ready(b.accept(r).ID))
}

// iterate is a queued job that changes files of a version.
func (b *fixture) iterate(from job.Job, r job.Request, changed map[string]string) job.Job {
	b.T.Helper()
	n := functiontest.NewJob()
	r.ProjectID, r.PreviousJobID, r.Source.Files = from.ProjectID, from.ID, files(changed)
	n.Request, n.BaseJobID = r, from.ID
	j := b.Accept(n)
	b.OK(b.builds.SendBuild(b.T.Context(), sqs.BuildMessage{JobID: j.ID}, 0))
	return j
}

// tree is all that a sandbox's workspace holds, in words.
func (b *fixture) tree(j job.Job) string {
	b.T.Helper()
	return b.Run(j, `cd project && find . -printf '%p %y %m %l\n' | LC_ALL=C sort; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`)
}

// shown is what the preview of a job shows.
func (b *fixture) shown(j job.Job) string {
	b.T.Helper()
	return b.Run(j, "until curl -sf http://127.0.0.1:3000/; do sleep 0.05; done")
}

// wake makes E2B's sandbox of a row run, behind everybody's back, to look into it.
func (b *fixture) wake(j job.Job) {
	b.T.Helper()
	_, _, err := b.Sandboxes.Connect(b.T.Context(), j.SandboxID, time.Hour)
	b.OK(err)
}

// An iteration works in the sandbox of the version before, and has its address; that has
// moved. Nothing is created.
func TestAnIterationHasTheSandboxOfItsVersion(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	created := b.Calls(e2bsim.Create)
	j := b.ready(b.iterate(from, folder(""), map[string]string{"site/index.html": "two", "src/a.js": "delete", "src/c.js": "3"}).ID)
	if j.SandboxID != from.SandboxID || j.PreviewURL != from.PreviewURL || b.Calls(e2bsim.Create) != created || j.BuildVersion != "build_v0_2" {
		t.Errorf("READY: %+v", j)
	}
	if got := b.shown(j); got != "two" {
		t.Errorf("its preview shows %q", got)
	}
	if got := b.Run(j, "cd project/src && ls"); got != "b.js\nc.js\n" {
		t.Errorf("src has %q", got)
	}
	if from = b.Row(from.ID); from.SandboxState != job.SandboxMoved || from.MovedTo != j.ID {
		t.Errorf("the version before is %+v", from)
	}
	if kept := b.keptOf(j); kept["./site/index.html"] != "two" {
		t.Errorf("kept is %q", kept)
	}
	// And the next of that.
	j = b.Pause(j)
	next := b.ready(b.iterate(j, folder(""), map[string]string{"site/index.html": "three"}).ID)
	if got := b.shown(next); got != "three" || next.SandboxID != from.SandboxID {
		t.Errorf("the next shows %q", got)
	}
	if kept := b.Run(next, "ls -d .siesta/*/keep"); strings.Count(kept, "\n") != 1 {
		t.Errorf("copies are left: %s", kept)
	}
}

// What is installed stays, unless what decides that has changed.
func TestDependenciesAreInstalledOnlyIfTheyChange(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	b.wake(from)
	id := b.Run(from, "cat project/node_modules/x/id")
	j := b.ready(b.iterate(from, folder(""), map[string]string{"site/index.html": "two"}).ID)
	if got := b.Run(j, "cat project/node_modules/x/id"); got != id {
		t.Error("it was installed again, though nothing that decides that had changed")
	}
	j = b.Pause(j)
	j = b.ready(b.iterate(j, folder(""), map[string]string{"package.json": `{"dependencies": {"x": "1"}}`}).ID)
	if got := b.Run(j, "cat project/node_modules/x/id"); got == id {
		t.Error("it was not installed again with another package.json")
	}
}

// npm writes a lock file, which decides how it installs from then on: that is no reason
// to install the same again.
func TestWhatAnInstallWroteIsNotInstalledAgain(t *testing.T) {
	b := setup(t)
	r := folder("one")
	r.Commands.Install = nil
	r.Source.Files["package.json"] = job.File{Content: []byte(`{"scripts": {"start": "true", "postinstall": "mkdir -p node_modules/x && date +%N >node_modules/x/id"}}`)}
	from := b.version(r)
	b.wake(from)
	id := b.Run(from, "cat project/node_modules/x/id && ls project/package-lock.json")
	j := b.ready(b.iterate(from, job.Request{Template: r.Template, Goal: r.Goal, Commands: r.Commands}, map[string]string{"site/index.html": "two"}).ID)
	if got := b.Run(j, "cat project/node_modules/x/id && ls project/package-lock.json"); got != id || j.Plan.Install == from.Plan.Install {
		t.Errorf("installed is %q, was %q, by %q", got, id, j.Plan.Install)
	}
}

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

// The server of the version before runs on where it shows by itself what has changed, and
// serves the next version, too, also after a wake; one that does not is started anew.
func TestAServerThatReloadsRunsOn(t *testing.T) {
	b := setup(t)
	static := job.Request{ProjectID: job.NewID(), Goal: "a page", Template: "base", Source: job.Source{Files: files(map[string]string{"index.html": "<p>one</p>"})}}
	from := b.version(static)
	b.wake(from)
	const servers = "cat .siesta/*/*-start/pid | cut -d' ' -f1"
	pid := b.Run(from, servers)
	j := b.ready(b.iterate(from, static, map[string]string{"index.html": "<p>two</p>"}).ID)
	if got := b.Run(j, servers); got != pid || j.Plan.ServedBy == "" {
		t.Errorf("the servers are %q, want %q; served by %q", got, pid, j.Plan.ServedBy)
	}
	if got := b.shown(j); got != "<p>two</p>" {
		t.Errorf("its preview shows %q", got)
	}
	j = b.Pause(j)
	n := b.iterate(j, static, map[string]string{"index.html": "<p>three</p>", "tsconfig.json": "{}"})
	if n = b.ready(n.ID); n.Plan.ServedBy != "" || b.shown(n) != "<p>three</p>" {
		t.Errorf("with another configuration it is served by %q", n.Plan.ServedBy)
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
	b.Must(b.Rows.CancelTaken(t.Context(), j.ID, "Cancelled by user", job.NewID()))
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
		b.Must(b.Rows.CancelTaken(context.Background(), j.ID, "Cancelled by user", job.NewID()))
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
	b.Must(b.Rows.CancelTaken(t.Context(), j.ID, "Cancelled by user", job.NewID()))
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

// An iteration of another template, one that generates, and one that keeps the previous
// version have a sandbox of their own, with the code of before.
func TestAnIterationInASandboxOfItsOwn(t *testing.T) {
	generate := "echo 4 >src/d.js"
	for name, change := range map[string]func(r *job.Request){
		"template": func(r *job.Request) {},
		"generate": func(r *job.Request) { r.Commands.Generate = &generate },
		"keep":     func(r *job.Request) { r.KeepPrevious = true },
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			from := b.version(folder("one"))
			if name == "template" {
				from = b.Set(from.ID, `request = request || '{"template": "another"}'`)
			}
			r := folder("")
			change(&r)
			j := b.ready(b.iterate(from, r, map[string]string{"site/index.html": "two", "src/a.js": "delete"}).ID)
			if j.SandboxID == from.SandboxID || b.shown(j) != "two" || !strings.HasPrefix(b.Run(j, "ls project/src"), "b.js") {
				t.Errorf("READY: %+v", j)
			}
			if now := b.Row(from.ID); now.Revision != from.Revision {
				t.Errorf("the version before is %+v", now)
			}
		})
	}
}

// Who comes second waits for the first, and then fails in words; or takes what that gave
// back.
func TestASecondIterationWaitsForTheFirst(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	install := "sleep 100000"
	r := folder("")
	r.Commands.Install = &install
	first := b.iterate(from, r, map[string]string{"package.json": "[]"})
	b.at(first.ID, job.Deps)
	second := b.iterate2(from, map[string]string{"site/index.html": "three"})
	b.until(second.ID, "waiting", func(j job.Job) bool { return j.Status == job.Starting && j.Turn > 1 })
	b.Must(b.Rows.CancelTaken(t.Context(), first.ID, "Cancelled by user", job.NewID()))
	if j := b.ready(second.ID); j.SandboxID != from.SandboxID || b.shown(j) != "three" {
		t.Errorf("READY: %+v", j)
	}
	third := b.iterate2(from, map[string]string{"site/index.html": "four"})
	if j := b.finished(third.ID); j.Status != job.Failed || !strings.Contains(j.ErrorMessage, "Send the change on top of") {
		t.Errorf("the third is %s: %s", j.Status, j.ErrorMessage)
	}
}

// iterate2 is iterate past the courtesy of accept.
func (b *fixture) iterate2(from job.Job, changed map[string]string) job.Job {
	b.T.Helper()
	_, err := b.Pool.Exec(b.T.Context(), `UPDATE jobs SET request = request || '{"keep_previous": true}' WHERE status NOT IN ('ready', 'failed')`)
	b.OK(err)
	j := b.iterate(from, folder(""), changed)
	_, err = b.Pool.Exec(b.T.Context(), `UPDATE jobs SET request = request - 'keep_previous'`)
	b.OK(err)
	return j
}

// A call to E2B that a pause has made is waited for.
func TestATakeWaitsForAPause(t *testing.T) {
	b := setup(t)
	from := b.ready(b.accept(folder("one")).ID)
	from = b.Must(b.Rows.TakePause(t.Context(), from.ID, from.Epoch))
	j := b.iterate(from, folder(""), map[string]string{"site/index.html": "two"})
	b.deliver()
	if row := b.Row(j.ID); row.Took() || row.Status != job.Starting {
		t.Errorf("it took a sandbox that may just be put to sleep: %+v", row)
	}
	b.Must(b.Rows.RecordPaused(t.Context(), from))
	b.OK(b.Sandboxes.Pause(t.Context(), from.SandboxID))
	b.ready(j.ID)
}

// A kill in the copy, and a turn that dies at any time, cost a turn.
func TestACopyThatWasCutIsMadeAnew(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	j := b.iterate(from, folder(""), map[string]string{"site/index.html": "two"})
	b.Fault(e2bsim.Fault{Call: e2bsim.StartProcess, Nth: 3, Action: e2bsim.AnswerLost, Times: 4})
	j = b.ready(j.ID)
	if got := b.shown(j); got != "two" {
		t.Errorf("its preview shows %q", got)
	}
}

// A message with a request makes an iteration as a call does, and waits for the version
// that it starts from.
func TestAnIterationByMessage(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	id := job.NewID()
	message := fmt.Sprintf(`{"version":1,"job_id":"%s","turn":0,"user_id":"%s","request":{"project_id":"%s","goal":"g","previous_job_id":"%s","source":{"files":{"site/index.html":"two"}}}}`,
		id, alice, from.ProjectID, from.ID)
	b.send(message)
	for range 30 {
		if j, err := b.Rows.Get(t.Context(), id); err == nil && j.Status.Terminal() {
			break
		} else if err != nil && !errors.Is(err, job.ErrNotFound) {
			t.Fatal(err)
		}
		b.deliver()
	}
	if j := b.Row(id); j.Status != job.Ready || j.SandboxID != from.SandboxID || b.shown(j) != "two" {
		t.Errorf("it is %s: %s", j.Status, j.ErrorMessage)
	}
	b.send(message) // again: it has moved to this very job
	b.deliver()
	if dead := b.SQS.Messages("dead"); len(dead) != 0 {
		t.Errorf("dead letters are %+v", dead)
	}
	b.send(fmt.Sprintf(`{"version":1,"job_id":"%s","turn":0,"user_id":"%s","request":{"project_id":"%s","goal":"g","previous_job_id":"%s"}}`,
		job.NewID(), alice, from.ProjectID, job.NewID()))
	b.deliver()
	b.wantDead("previous job")
}
