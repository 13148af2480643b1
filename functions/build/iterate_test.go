package main

import (
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

// Each call is time that its user waits: they are 16 beside the looks at the app, and a few
// more where a step takes more than a moment.
func TestAnIterationMakesFewCalls(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	before := len(b.E2B.Calls())
	b.ready(b.iterate(from, folder(""), map[string]string{"site/index.html": "two"}).ID)
	made, all := map[e2bsim.Kind]int{}, 0
	for _, c := range b.E2B.Calls()[before:] {
		if c.Phase == e2bsim.Answered && c.Kind != e2bsim.Preview {
			made[c.Kind]++
			all++
		}
	}
	if made[e2bsim.Connect] != 1 || all > 22 {
		t.Errorf("it made %d calls: %v", all, made)
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
	b.Must(b.Rows.Cancel(t.Context(), first.ID, "Cancelled by user", job.NewID()))
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
