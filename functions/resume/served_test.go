package main

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"

	"siesta/local/e2bsim"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// served is a job that sleeps, whose server another job has started, and the folder
// of that one's step.
func (b *fixture) served(a app) (job.Job, string) {
	b.T.Helper()
	j := b.ready(a)
	by := envd.StepDir(job.NewID(), 0, "start-3")
	b.eventually("the app to answer", func() bool { return b.Sandboxes.Probe(b.T.Context(), j.PreviewURL).Ready() })
	b.Run(j, fmt.Sprintf("mkdir -p %s && mv .siesta/%s/1-start %s", strings.TrimPrefix(path.Dir(by), "/home/user/"), j.ID, strings.TrimPrefix(by, "/home/user/")))
	return b.Set(j.ID, fmt.Sprintf(`plan = jsonb_set(plan, '{served_by}', '"%s"')`, by)), by
}

func TestAServerThatAnotherJobStartedIsNotRestarted(t *testing.T) {
	b := setup(t)
	j, _ := b.served(greeter)
	j = b.Pause(j)
	b.Fault(e2bsim.Fault{Call: e2bsim.Preview, Times: 3, Action: e2bsim.ErrorAnswer, Status: 500})
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.steps(j); got != "" {
		t.Errorf("steps are %q: a server that was up was started again", got)
	}
}

// What the other job's step has left holds the port.
func TestWhatADeadServerOfAnotherJobLeftIsEnded(t *testing.T) {
	b := setup(t)
	a := greeter
	a.plan.Start = "rm -f status; {self} serve & wait"
	j, by := b.served(a)
	pid, err := b.Inside(j).ReadFile(t.Context(), by+"/pid", 0, 64)
	b.OK(err)
	b.Run(j, fmt.Sprintf("kill -9 %s; echo 500 > %s/status", strings.Fields(string(pid))[0], job.Workspace))
	j = b.Pause(j)
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.steps(j); got != "start-2" {
		t.Errorf("steps are %q", got)
	}
	if got := b.page(j); got != "hello" {
		t.Errorf("the app says %q: its environment is not the job's own", got)
	}
	p, err := b.Inside(j).ReadStep(t.Context(), envd.StepDir(j.ID, j.CreateNo, "start-2"), 0, 1000)
	b.OK(err)
	if p.Phase != envd.StepRunning {
		t.Errorf("the new server is %s: %s", p.Phase, p.Output)
	}
}

// Once it has a server of its own, that is the newest.
func TestAServerOfItsOwnComesBeforeAnotherJobs(t *testing.T) {
	b := setup(t)
	j, by := b.served(greeter)
	b.OK(b.Inside(j).StopStep(t.Context(), by))
	j = b.Pause(j)
	b.want(b.resumeJob(j), http.StatusOK)
	b.Pass(awake)
	j = b.Pause(b.Row(j.ID))
	b.Fault(e2bsim.Fault{Call: e2bsim.Preview, Times: 3, Action: e2bsim.ErrorAnswer, Status: 500})
	b.want(b.resumeJob(j), http.StatusOK)
	if got := b.steps(j); got != "start-2" {
		t.Errorf("steps are %q", got)
	}
}
