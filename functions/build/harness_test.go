package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/e2bsim/sandbox"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/sqs"
)

func TestMain(m *testing.M) { functiontest.Main(m) }

const (
	alice = functiontest.Alice
	stack = functiontest.Stack
)

// fixture is the function on stores of its own, with a simulated E2B whose
// sandboxes run real processes.
type fixture struct {
	*handler
	*functiontest.World
	redis string // address of the cache
}

func setup(t *testing.T) *fixture {
	t.Helper()
	return setupIn(t, sandbox.Limits{})
}

// setupIn is setup with sandboxes of such a size.
func setupIn(t *testing.T, size sandbox.Limits) *fixture {
	t.Helper()
	t.Parallel()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Processes{Files: []string{functiontest.Self()}, Limits: size}, KeepSnapshots: true})
	address := redistest.New(t)
	w.Cache = functiontest.Cache(t, address)
	return &fixture{World: w, redis: address, handler: &handler{
		settings: settings{StackTag: stack, Allowed: job.Allowed{Templates: []string{"base"}}, Deadline: time.Hour},
		log:      logging.New(w.Log, "debug"), store: w.Store, cache: w.Cache,
		builds: w.Queue("build"), pauses: w.Queue("pause"), e2b: w.Sandboxes, sealer: functiontest.Sealer(t), kept: w.Kept, logStore: w.LogStore,
	}}
}

// page is a request for an app that is served at once.
func page() job.Request {
	none, start := "", "exec "+functiontest.Self()+" serve"
	return job.Request{
		ProjectID: job.NewID(), Goal: "a page", Template: "base",
		Commands: job.Commands{Install: &none, Check: &none, Start: &start},
	}
}

// accept is a queued job with its message.
func (b *fixture) accept(r job.Request) job.Job {
	b.T.Helper()
	n := functiontest.NewJob()
	n.Request = r
	if len(r.Env) > 0 {
		var err error
		n.EnvSealed, err = b.sealer.Seal(b.T.Context(), n.ID, r.Env)
		b.OK(err)
	}
	j := b.Accept(n)
	b.OK(b.builds.SendBuild(b.T.Context(), sqs.BuildMessage{JobID: j.ID}, 0))
	return j
}

// slow is a queued job of which the install does not end, and whose turns have
// no time left to wait for that.
func (b *fixture) slow() job.Job {
	b.T.Helper()
	r, install := page(), "sleep 100000"
	r.Commands.Install = &install
	return b.Set(b.accept(r).ID, fmt.Sprintf("polled_ms = %d", jobPoll.Milliseconds()))
}

// send puts a message of any form on the build queue, as another backend does.
func (b *fixture) send(body string) {
	b.T.Helper()
	in, err := json.Marshal(map[string]string{"QueueUrl": b.SQS.URL("build"), "MessageBody": body})
	b.OK(err)
	req, err := http.NewRequestWithContext(b.T.Context(), http.MethodPost, b.SQS.URL("build"), bytes.NewReader(in))
	b.OK(err)
	req.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	resp, err := http.DefaultClient.Do(req)
	b.OK(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.T.Fatalf("send: %s", resp.Status)
	}
}

// deliver lets the function handle the next message, when its time has come.
// again is how long it stays invisible if it is to come again, else 0.
func (b *fixture) deliver() (again time.Duration) {
	b.T.Helper()
	waiting := b.SQS.Messages("build")
	if len(waiting) == 0 {
		b.T.Fatal("no build message is left")
	}
	if wait := waiting[0].VisibleAt.Sub(b.SQS.Now()); wait > 0 {
		b.Pass(wait + time.Millisecond)
	}
	id := b.Deliver("build", b.Handle)
	if id == "" {
		return 0
	}
	for _, m := range b.SQS.Messages("build") {
		if m.ID == id {
			return m.VisibleAt.Sub(b.SQS.Now())
		}
	}
	b.T.Fatal("a message that is to come again is not there")
	return 0
}

// until delivers messages until the job is as it should be.
func (b *fixture) until(id, what string, done func(job.Job) bool) job.Job {
	b.T.Helper()
	for range 30 {
		if j := b.Row(id); done(j) {
			return j
		}
		b.deliver()
	}
	b.T.Fatalf("30 turns, and the job is not %s: %+v", what, b.Row(id))
	return job.Job{}
}

func (b *fixture) ready(id string) job.Job {
	b.T.Helper()
	j := b.until(id, "finished", func(j job.Job) bool { return j.Status.Terminal() })
	if j.Status != job.Ready {
		b.T.Fatalf("the job is %s: %s", j.Status, j.ErrorMessage)
	}
	return j
}

// at delivers until the job runs the command of a status.
func (b *fixture) at(id string, status job.Status) job.Job {
	b.T.Helper()
	return b.until(id, string(status), func(j job.Job) bool { return j.Status == status && j.Turn > 0 })
}

// theBox is the job of the only sandbox there is, as far as its daemon needs it.
func (b *fixture) theBox() job.Job {
	b.T.Helper()
	boxes := b.E2B.Sandboxes()
	if len(boxes) != 1 {
		b.T.Fatalf("there are %d sandboxes, want one", len(boxes))
	}
	return job.Job{SandboxID: boxes[0].ID}
}

// wantDead checks that the dead-letter queue holds one message, with a reason
// that tells of word.
func (b *fixture) wantDead(word string) {
	b.T.Helper()
	dead := b.SQS.Messages("dead")
	if len(dead) != 1 || !strings.Contains(dead[0].Attributes["reason"], word) {
		b.T.Errorf("dead letters are %+v, want one about %q", dead, word)
	}
}
