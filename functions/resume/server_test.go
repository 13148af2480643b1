package main

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// killServer ends a job's server as the kernel would, then puts the job to
// sleep.
func (b *fixture) killServer(j job.Job) job.Job {
	b.T.Helper()
	b.eventually("the app to answer", func() bool { return b.waker.E2B.Probe(b.T.Context(), j.PreviewURL).Ready() })
	b.OK(b.Inside(j).StopStep(b.T.Context(), envd.StepDir(j.ID, j.CreateNo, "start")))
	return b.Pause(j)
}

// steps are the names of the server's steps in a job's sandbox.
func (b *fixture) steps(j job.Job) string {
	b.T.Helper()
	names, err := b.Inside(j).List(b.T.Context(), path.Dir(envd.StepDir(j.ID, j.CreateNo, "")))
	b.OK(err)
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, "1-")
	}
	return strings.Join(names, " ")
}

func TestALiveServerIsNotRestarted(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.Fault(e2bsim.Fault{Call: e2bsim.Preview, Times: 3, Action: e2bsim.ErrorAnswer, Status: 500})
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.steps(j); got != "start" {
		t.Errorf("steps are %q: a server that was up was started again", got)
	}
}

func TestADeadServerIsRestartedWithItsEnvironment(t *testing.T) {
	b := setup(t)
	j := b.killServer(b.ready(greeter))
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.steps(j); got != "start start-2" {
		t.Errorf("steps are %q", got)
	}
	if got := b.page(j); got != "hello" {
		t.Errorf("the app says %q: its environment is not the build's", got)
	}
	if strings.Contains(b.Log.String(), "hello") {
		t.Error("a value of the environment is in the log")
	}
}

func TestADeadServerIsPreloadedAsTheBuildsWas(t *testing.T) {
	b := setup(t)
	a := greeter
	a.plan.Preload, a.plan.Start = job.Preload, `echo "$NODE_OPTIONS" >../options; `+a.plan.Start
	j := b.killServer(b.ready(a))
	b.want(b.resumeJob(j), http.StatusOK)
	if got, want := b.Run(j, "cat options"), "--require "+job.Preload+"\n"; got != want {
		t.Errorf("the restarted server had NODE_OPTIONS %q, want %q", got, want)
	}
}

// E2B keeps no memory of a guest that hung at its pause: each plain connect is
// refused, for good.
func TestAGuestThatHungIsBootedFromItsDisk(t *testing.T) {
	b := setup(t)
	j := b.ready(greeter)
	b.Fault(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.HungGuest})
	j = b.pause(b.unwritten(j))
	b.want(b.resumeFor(j, 0), http.StatusAccepted) // its time is up before the app is
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.page(j); got != "hello" {
		t.Errorf("the app says %q", got)
	}
	b.wantRow(j.ID, job.SandboxRunning)
}

// unwritten is a job whose marker has not come to its sandbox's disk.
func (b *fixture) unwritten(j job.Job) job.Job {
	b.T.Helper()
	return b.Set(j.ID, "epoch = epoch + 1, marker_epoch = epoch + 1")
}

// The server's processes are a group; a child that outlived its parent holds
// the port.
func TestWhatADeadServerLeftIsEnded(t *testing.T) {
	b := setup(t)
	a := greeter
	a.plan.Start = "rm -f status; {self} serve & wait"
	j := b.ready(a)
	b.eventually("the app to answer", func() bool { return b.waker.E2B.Probe(t.Context(), j.PreviewURL).Ready() })
	// The leader alone dies, and the app stops to answer while it keeps its port.
	pid, err := b.Inside(j).ReadFile(t.Context(), envd.StepDir(j.ID, j.CreateNo, "start")+"/pid", 0, 64)
	b.OK(err)
	b.Run(j, fmt.Sprintf("kill -9 %s; echo 500 > %s/status", strings.Fields(string(pid))[0], job.Workspace))
	j = b.Pause(j)
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.steps(j); got != "start start-2" {
		t.Errorf("steps are %q", got)
	}
	p, err := b.Inside(j).ReadStep(t.Context(), envd.StepDir(j.ID, j.CreateNo, "start-2"), 0, 1000)
	b.OK(err)
	if p.Phase != envd.StepRunning {
		t.Errorf("the new server is %s: %s", p.Phase, p.Output)
	}
}

func TestDependenciesAreInstalledOnlyIfTheServerDiesAgain(t *testing.T) {
	b := setup(t)
	a := greeter
	a.plan.Start = "test -e deps && exec {self} serve"
	a.plan.Install = "touch deps"
	a.built = greeter.plan.Start
	j := b.killServer(b.ready(a))
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.steps(j); got != "install-2 start start-2 start-2b" {
		t.Errorf("steps are %q", got)
	}
}

func TestAServerThatAlwaysDiesIsUnreachable(t *testing.T) {
	b := setup(t)
	a := greeter
	a.plan.Start, a.plan.Install = "test ! -e broken && exec {self} serve", "true"
	j := b.ready(a)
	b.eventually("the app to answer", func() bool { return b.waker.E2B.Probe(t.Context(), j.PreviewURL).Ready() })
	b.Run(j, "touch "+job.Workspace+"/broken")
	j = b.killServer(j)
	got := b.resumeJob(j)
	b.want(got, http.StatusServiceUnavailable)
	if got.errorType() != "sandbox_unreachable" {
		t.Errorf("got %v", got.body)
	}
	if !strings.Contains(b.Log.String(), "edge: status 502") {
		t.Errorf("the log does not say what the preview answered: %s", b.Log)
	}
	row := b.wantRow(j.ID, job.SandboxResuming)
	if row.OpUntil.After(row.ReadAt) {
		t.Errorf("op until %v: the sandbox runs on for nothing", row.OpUntil)
	}
	b.wantPause(row, 0)
}

// An answer of 202 in the middle of a restart loses nothing: the next call goes
// on from the steps' folders.
func TestTheNextCallGoesOnWithTheRestart(t *testing.T) {
	b := setup(t)
	a := greeter
	a.plan.Start = "test -e deps && exec {self} serve"
	a.plan.Install = "until [ -e go ]; do sleep 0.05; done; touch deps"
	a.built = greeter.plan.Start
	j := b.killServer(b.ready(a))
	const restarting = "install-2 start start-2"
	for calls := 0; calls == 0 || b.steps(j) != restarting && calls < 10; calls++ {
		b.want(b.resumeFor(j, 6), http.StatusAccepted)
	}
	if got := b.steps(j); got != restarting {
		t.Errorf("steps are %q", got)
	}
	b.Run(j, "touch "+job.Workspace+"/go")
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.steps(j); got != "install-2 start start-2 start-2b" {
		t.Errorf("steps are %q", got)
	}
	row := b.wantRow(j.ID, job.SandboxRunning)
	if row.Epoch != j.Epoch+1 {
		t.Errorf("got epoch %d, want one wake", row.Epoch)
	}
}

// A server that an abandoned wake has started, and that is slow to come up, is
// waited for by the wake that takes over.
func TestAServerThatIsComingUpIsNotStartedTwice(t *testing.T) {
	b := setup(t)
	a := greeter
	a.built, a.plan.Start = a.plan.Start, "until [ -e go ]; do sleep 0.05; done; exec {self} serve"
	j := b.killServer(b.ready(a))
	b.want(b.resumeFor(j, 2), http.StatusAccepted)
	b.Pass(job.OpTime + time.Second)
	b.want(b.resumeFor(j, 2), http.StatusAccepted)
	if got := b.steps(j); got != "start start-2" {
		t.Errorf("steps are %q", got)
	}
	b.Run(j, "touch "+job.Workspace+"/go")
	b.want(b.resumeJob(j), http.StatusOK)
	if row := b.wantRow(j.ID, job.SandboxRunning); row.Epoch != j.Epoch+2 {
		t.Errorf("got epoch %d, want two wakes", row.Epoch)
	}
}

// A call that has lost its wake to somebody else starts nothing.
func TestALostWakeStartsNothing(t *testing.T) {
	b := setup(t)
	j := b.killServer(b.ready(greeter))
	b.Once(e2bsim.Preview, e2bsim.Received, func() {
		b.Pass(job.OpTime + time.Second)
		b.Must(b.Rows.TakePause(t.Context(), j.ID, j.Epoch+1))
	})
	b.want(b.resumeJob(j), http.StatusAccepted)
	if got := b.steps(j); got != "start" {
		t.Errorf("steps are %q", got)
	}
}

func TestALaterWakeRestartsUnderItsOwnName(t *testing.T) {
	b := setup(t)
	j := b.killServer(b.ready(greeter))
	b.want(b.resumeJob(j), http.StatusOK)
	b.OK(b.Inside(j).StopStep(t.Context(), envd.StepDir(j.ID, j.CreateNo, "start-2")))
	b.Pass(awake)
	b.Pause(b.Row(j.ID))
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.steps(j); got != "start start-2 start-3" {
		t.Errorf("steps are %q", got)
	}
}

// The template's own server needs no step of ours.
func TestAnAppWithoutAStartCommand(t *testing.T) {
	b := setup(t)
	a := greeter
	a.plan.Start = ""
	j := b.paused(a)
	b.want(b.resumeFor(j, 2), http.StatusAccepted)
	b.want(b.resumeFor(j, 2), http.StatusAccepted)
}

// An app that answers with its own error is as far up as a wake can bring it.
func TestAnAppThatFailsByItselfIsShown(t *testing.T) {
	b := setup(t)
	j := b.ready(greeter)
	b.Run(j, "cd "+job.Workspace+" && echo 500 > status")
	j = b.pause(j)
	b.want(b.resumeFor(j, 2), http.StatusOK)
}
