package model_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/client"
	"siesta/proof/model"
	"siesta/proof/world"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

// system is the real thing, with what it takes to look into it.
type system struct {
	*world.System
	somebody *e2b.Client // outside, who has the key
	passed   time.Duration
}

func open(s *world.System) (*system, error) {
	key := func(context.Context, bool) (secrets.Text, error) { return secrets.NewText(s.E2BAPIKey), nil }
	somebody, err := e2b.New(e2b.Config{APIURL: s.E2BAPIURL, Domain: "localhost", Key: key})
	return &system{System: s, somebody: somebody}, err
}

// pair is one history: the system and its model side by side.
type pair struct {
	*system
	ctx      context.Context
	model    *model.Model
	received []delivery
	told     []string
	began    time.Time  // the step under way, on the model's clock
	built    *model.Job // the step was a turn of this: the model does not count its writes, and takes the row's revision
	wrong    string     // the first difference
}

// delivery is a message as it was received once, on both sides.
type delivery struct {
	*model.Delivery
	event events.SQSEvent
}

func (w *pair) now() time.Time { return time.Now().Add(w.passed) }

// begin starts a step. It first moves time away from every edge that is near: the
// system and the model might see different sides of it.
func (w *pair) begin(format string, args ...any) {
	w.clear(0)
	w.began, w.built = w.now(), nil
	w.model.Pass(w.began.Sub(w.model.Now))
	w.tell(format, args...)
}

func (w *pair) tell(format string, args ...any) {
	w.told = append(w.told, fmt.Sprintf(format, args...))
}

// moment is longer than a step takes. A history in which one took longer, as on
// a machine that is busy, tells nothing.
const moment = 6 * time.Second

// clear lets d pass, and as much more as it takes to be away from every edge.
func (w *pair) clear(d time.Duration) {
	end := w.now().Add(d)
	for _, edge := range w.model.Edges() {
		if in := edge.Sub(end); in > -time.Second && in < moment {
			end = edge.Add(time.Second)
		}
	}
	if more := end.Sub(w.now()); more > 0 {
		w.must(w.Pass(w.ctx, more))
		w.passed += more
	}
	w.model.Pass(w.now().Sub(w.model.Now))
}

// must takes note of what has nothing to do with the model.
func (w *pair) must(err error) {
	if err != nil {
		w.differ("the system broke down: %v", err)
	}
}

// differ notes a difference.
func (w *pair) differ(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
	}
}

// answers compares what a user's call answers with what it should.
func (w *pair) answers(want model.Answer) func(client.Answer, error) client.Told {
	return func(a client.Answer, err error) client.Told {
		w.must(err)
		got := model.Answer{Code: a.Code, Says: says(a.Told), RetryAfter: int(a.RetryAfter.Seconds()), MovedTo: a.Told.Detail.MovedTo}
		if got != want {
			w.differ("%s %s answers %+v, want %+v: %s", a.Method, a.Path, got, want, a.Body)
		}
		return a.Told
	}
}

// says is the word of an answer that tells what it means.
func says(told client.Told) string {
	switch {
	case told.Detail.Type != "":
		return told.Detail.Type
	case told.Status != "":
		return string(told.Status)
	case told.Paused:
		return "paused"
	}
	return ""
}

// queues are the model's names and the template's.
var queues = map[string]string{
	"build": "BuildQueue", "pause": "PauseQueue", "dead build": "BuildDeadLetters", "dead pause": "PauseDeadLetters",
}

// receive takes a message on both sides.
func (w *pair) receive(queue string) (delivery, bool) {
	want := w.model.Receive(queue)
	got, err := w.SQS.Queue(queues[queue]).Receive(w.ctx, 1, 0)
	w.must(err)
	switch {
	case want == nil && len(got) == 0:
		return delivery{}, false
	case want == nil || len(got) == 0 || want.ID != got[0].MessageId:
		w.differ("received %v from the %s queue, want %v", got, queue, want)
		return delivery{}, false
	}
	d := delivery{want, events.SQSEvent{Records: got}}
	w.received = append(w.received, d)
	return d, true
}

// handle gives a message to its function and deletes it if it was handled.
func (w *pair) handle(d delivery) {
	function, turn := d.Queue, d.Job.Turn
	payload, err := json.Marshal(d.event)
	w.must(err)
	answer, failed, err := w.Invoke(w.ctx, function, payload)
	w.must(err)
	if failed != "" {
		w.differ("function %s failed: %s", function, answer)
		return
	}
	var response events.SQSEventResponse
	w.must(json.Unmarshal(answer, &response))
	if len(response.BatchItemFailures) == 0 {
		w.must(w.SQS.Queue(queues[function]).Delete(w.ctx, []string{d.event.Records[0].ReceiptHandle}))
	}
	if function == "pause" {
		w.model.Pause(d.Delivery)
		return
	}
	w.built = d.Job
	was := d.Job.Status
	w.model.Build(d.Delivery, w.slow(d.Job, turn))
	if d.Job.Status == job.Ready && was != job.Ready {
		w.visit(d.Job)
	}
}

// page is what a job's app shows: its own, or that of the version that it is built from
// again.
func (w *pair) page(j *model.Job) string {
	for j.Rebuild {
		j = j.Base
	}
	return fmt.Sprint("page ", w.number(j))
}

// visit looks at the preview of a job, which is up.
func (w *pair) visit(j *model.Job) {
	row, err := w.Store.Get(w.ctx, j.ID)
	w.must(err)
	preview, err := url.Parse(row.PreviewURL)
	w.must(err)
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.E2BSandboxURL+preview.RequestURI(), nil)
	if err != nil {
		w.must(err)
		return
	}
	req.Host = preview.Host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.must(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	w.must(err)
	if got, want := string(body), w.page(j); got != want {
		w.differ("the preview of job %d shows %d %q, want %q", w.number(j), resp.StatusCode, got, want)
	}
}

// request asks for a job that shows its own page.
func (w *pair) request() job.Request {
	r := w.Request()
	r.Source.Files["index.html"] = job.File{Content: []byte(fmt.Sprint("page ", len(w.model.Jobs)+1))}
	return r
}

// slow is how far a turn came that waits for what goes on in its sandbox: that depends
// on the machine alone.
func (w *pair) slow(j *model.Job, turn int) model.Slow {
	row, err := w.Store.Get(w.ctx, j.ID)
	w.must(err)
	if row.Turn == turn {
		return model.Slow{}
	}
	wait, most := row.LeaseUntil.Sub(row.UpdatedAt)+time.Second, time.Minute
	if row.GivesBack() {
		most = 10 * time.Minute
	}
	if wait < time.Second || wait > most {
		w.differ("a turn waits %s for its sandbox", wait)
	}
	return model.Slow{Wait: wait, Status: row.Status, GivesBack: row.GivesBack()}
}
