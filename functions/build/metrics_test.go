package main

import (
	"fmt"
	"testing"

	"siesta/local/e2bsim"
	"siesta/proof/postgrestest"
	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/sqs"
)

// wantMetric checks how often a metric was told.
func (b *fixture) wantMetric(name metrics.Name, values int) {
	b.T.Helper()
	if got := b.Log.Metric(name); len(got) != values {
		b.T.Errorf("%s has the values %v, want %d", name, got, values)
	}
}

// wantEnds checks how many jobs ended in a way.
func (b *fixture) wantEnds(how metrics.Name, jobs float64) {
	b.T.Helper()
	if got := b.Log.Counted(how); got != jobs {
		b.T.Errorf("%s: %v, want %v", how, got, jobs)
	}
}

// Each fact of a build is counted once, whatever comes of its messages.
func TestABuildIsCounted(t *testing.T) {
	b := setup(t)
	j := b.accept(page())
	b.OK(b.builds.SendBuild(t.Context(), sqs.BuildMessage{JobID: j.ID}, 0))
	j = b.ready(j.ID)
	for len(b.SQS.Messages("build")) > 0 {
		b.deliver()
	}
	for _, stage := range []string{"queued", "starting", "scaffold", "code", "deps", "check", "serve"} {
		b.wantMetric(metrics.Stage(stage), 1)
	}
	for _, name := range []metrics.Name{metrics.JobsReady, metrics.TimeToReady, metrics.Call("create")} {
		b.wantMetric(name, 1)
	}
	if got, want := b.Log.Counted(metrics.TimeToReady), j.CompletedAt.Sub(j.EnqueuedAt).Seconds(); got != want {
		t.Errorf("READY after %v s, want %v", got, want)
	}
	for _, name := range []metrics.Name{metrics.JobsFailedApp, metrics.JobsFailedSandbox, metrics.JobsFailedDeadline, metrics.JobsFailedService} {
		b.wantMetric(name, 1) // 0: so that their share is known
		b.wantEnds(name, 0)
	}
	b.wantMetric(metrics.Refused("create"), 0)
}

// Whose fault it was that a job failed decides what is to be done about it.
func TestAFailedBuildIsCountedByItsCause(t *testing.T) {
	for name, c := range map[string]struct {
		want  metrics.Name
		spoil func(b *fixture) job.Job
	}{
		"a command": {metrics.JobsFailedApp, func(b *fixture) job.Job {
			r, install := page(), "false"
			r.Commands.Install = &install
			return b.accept(r)
		}},
		"E2B": {metrics.JobsFailedSandbox, func(b *fixture) job.Job {
			b.Fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.ErrorAnswer, Status: 400})
			return b.accept(page())
		}},
		"its time": {metrics.JobsFailedDeadline, func(b *fixture) job.Job {
			j := b.slow()
			b.at(j.ID, job.Deps)
			postgrestest.Advance(b.T, b.Pool, b.Deadline)
			return j
		}},
		"crashes": {metrics.JobsFailedService, func(b *fixture) job.Job {
			return b.Set(b.accept(page()).ID, fmt.Sprintf("crashes = %d", maxCrashes+1))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := c.spoil(b)
			b.until(j.ID, "failed", func(j job.Job) bool { return j.Status == job.Failed })
			for _, kind := range []metrics.Name{metrics.JobsFailedApp, metrics.JobsFailedSandbox, metrics.JobsFailedDeadline, metrics.JobsFailedService} {
				want := 0.0
				if kind == c.want {
					want = 1
				}
				b.wantEnds(kind, want)
			}
			b.wantEnds(metrics.JobsReady, 0)
		})
	}
}

// A job that gives back what it took has failed once, and not again when that is done.
func TestAnIterationThatGivesBackIsCountedOnce(t *testing.T) {
	b := setup(t)
	from := b.version(folder("one"))
	r, check := folder(""), "false"
	r.Commands.Check = &check
	j := b.finished(b.iterate(from, r, map[string]string{"site/index.html": "two"}).ID)
	if j.Status != job.Failed {
		t.Fatalf("it is %s", j.Status)
	}
	b.wantEnds(metrics.JobsFailedApp, 1)
	b.wantEnds(metrics.JobsFailedSandbox, 0)
}

func TestAnotherBackendsRequestIsCountedAsAccepted(t *testing.T) {
	b := setup(t)
	body := fmt.Sprintf(`{"version":1,"job_id":%q,"user_id":%q,"turn":0,"request":{"project_id":%q,"goal":"a page","source":{"files":{"index.html":"x"}},"commands":{"start":"true"}}}`, job.NewID(), alice, job.NewID())
	for range 2 {
		b.send(body)
		b.deliver()
	}
	if got := b.Log.Counted(metrics.JobsAccepted); got != 1 {
		t.Errorf("%v accepted, want one", got)
	}
	b.Limits = job.TierLimits{job.Bootstrapper: {PerDay: 1}}
	for range 2 { // one for another day, which no turn follows
		b.send(requestMessage(1, job.NewID(), alice, page()))
		b.deliver()
	}
	if got := b.Log.Counted(metrics.JobsAccepted); got != 3 {
		t.Errorf("%v accepted, want three", got)
	}
}
