package eventsource_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/eventsource"
	"siesta/local/sqssim"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// call is one invocation, to be answered by the test.
type call struct {
	function string
	event    events.SQSEvent
	answer   chan<- answer
}

type answer struct {
	body, functionError string
	err                 error
}

type system struct {
	queue   *sqssim.Server
	client  *sqs.Client
	url     string
	calls   chan call
	reports chan error
	stop    func() // and waits until the mapping has stopped
}

// start runs a mapping between the queue q, with a dead-letter queue after two
// receives, and a function that the test plays.
func start(t *testing.T, m eventsource.Mapping) system {
	t.Helper()
	var server *sqssim.Server
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	server = sqssim.New(web.URL)
	if _, err := server.CreateQueue("dead", nil); err != nil {
		t.Fatal(err)
	}
	url, err := server.CreateQueue("q", map[string]string{"VisibilityTimeout": "600",
		"RedrivePolicy": `{"deadLetterTargetArn":"` + server.ARN("dead") + `","maxReceiveCount":2}`})
	if err != nil {
		t.Fatal(err)
	}
	s := system{queue: server, url: url, calls: make(chan call), reports: make(chan error, 100)}
	s.client = sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &web.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "x", SecretAccessKey: "x"}, nil
		})})
	m.Queue, m.Function = server.Queue("q"), "f"
	m.Report = func(err error) { s.reports <- err }
	m.Invoke = func(ctx context.Context, function string, payload []byte) ([]byte, string, error) {
		var event events.SQSEvent
		if err := json.Unmarshal(payload, &event); err != nil {
			t.Errorf("payload %s: %v", payload, err)
		}
		answers := make(chan answer)
		s.calls <- call{function, event, answers}
		a := <-answers
		if ctx.Err() != nil {
			t.Error("an invocation under way lost its context")
		}
		return []byte(a.body), a.functionError, a.err
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	s.stop = func() { cancel(); <-done }
	t.Cleanup(s.stop)
	return s
}

// send sends messages that are visible after a delay.
func (s system) send(t *testing.T, delay time.Duration, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := s.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &s.url, MessageBody: &body, DelaySeconds: int32(delay / time.Second),
			MessageAttributes: map[string]types.MessageAttributeValue{"correlation_id": {DataType: aws.String("String"), StringValue: aws.String("c-" + body[:min(5, len(body))])}}}); err != nil {
			t.Fatal(err)
		}
	}
}

func (s system) wantStats(t *testing.T, queue string, want sqssim.Stats) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.queue.Wait(ctx, queue, func(got sqssim.Stats) bool { return got == want }); err != nil {
		t.Errorf("queue %s: %v, want %+v", queue, err, want)
	}
}

func TestEvent(t *testing.T) {
	s := start(t, eventsource.Mapping{BatchSize: 1, PartialBatch: true})
	s.send(t, 0, "hello")
	c := <-s.calls
	defer func() { c.answer <- answer{} }()
	if c.function != "f" || len(c.event.Records) != 1 {
		t.Fatalf("got %+v", c)
	}
	r := c.event.Records[0]
	if r.Body != "hello" || r.EventSource != "aws:sqs" || r.EventSourceARN != "arn:aws:sqs:us-east-1:000000000000:q" || r.AWSRegion != "us-east-1" ||
		r.Attributes["ApproximateReceiveCount"] != "1" || r.Attributes["SentTimestamp"] == "" || *r.MessageAttributes["correlation_id"].StringValue != "c-hello" {
		t.Errorf("got %+v", r)
	}
	// The function itself may put its message off, with the handle of its event.
	if _, err := s.client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &s.url, ReceiptHandle: &r.ReceiptHandle, VisibilityTimeout: 110}); err != nil {
		t.Errorf("change visibility: %v", err)
	}
}

// Each answer of a function to a batch of two, a and b: what is gone after it.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		answer  func(a, b string) answer
		left    int
		wantErr error
	}{
		"null list":    {func(_, _ string) answer { return answer{body: `{"batchItemFailures":null}`} }, 0, nil},
		"empty list":   {func(_, _ string) answer { return answer{body: `{"batchItemFailures":[]}`} }, 0, nil},
		"null":         {func(_, _ string) answer { return answer{body: `null`} }, 0, nil},
		"nothing":      {func(_, _ string) answer { return answer{} }, 0, nil},
		"empty object": {func(_, _ string) answer { return answer{body: `{}`} }, 0, nil},
		"one": {func(_, b string) answer {
			return answer{body: `{"batchItemFailures":[{"itemIdentifier":"` + b + `"}]}`}
		}, 1, nil},
		"both": {func(a, b string) answer {
			return answer{body: `{"batchItemFailures":[{"itemIdentifier":"` + b + `"},{"itemIdentifier":"` + a + `"}]}`}
		}, 2, nil},
		"unknown id":     {func(_, _ string) answer { return answer{body: `{"batchItemFailures":[{"itemIdentifier":"x"}]}`} }, 2, eventsource.ErrResponse},
		"empty id":       {func(_, _ string) answer { return answer{body: `{"batchItemFailures":[{"itemIdentifier":""}]}`} }, 2, eventsource.ErrResponse},
		"wrong key":      {func(a, _ string) answer { return answer{body: `{"batchItemFailures":[{"id":"` + a + `"}]}`} }, 2, eventsource.ErrResponse},
		"no json":        {func(_, _ string) answer { return answer{body: `ok`} }, 2, eventsource.ErrResponse},
		"a string":       {func(_, _ string) answer { return answer{body: `"ok"`} }, 2, eventsource.ErrResponse},
		"function error": {func(_, _ string) answer { return answer{body: `{"errorMessage":"x"}`, functionError: "Unhandled"} }, 2, eventsource.ErrFunction},
		"no call":        {func(_, _ string) answer { return answer{err: http.ErrServerClosed} }, 2, http.ErrServerClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, eventsource.Mapping{PartialBatch: true, MaxConcurrency: 1})
			s.send(t, 10*time.Minute, "a", "b")
			s.queue.Advance(10 * time.Minute) // both in one call
			got := <-s.calls
			if len(got.event.Records) != 2 {
				t.Fatalf("got %d records", len(got.event.Records))
			}
			got.answer <- c.answer(got.event.Records[0].MessageId, got.event.Records[1].MessageId)
			if c.wantErr != nil {
				if err := <-s.reports; !errors.Is(err, c.wantErr) {
					t.Errorf("report: got %v, want %v", err, c.wantErr)
				}
			}
			s.wantStats(t, "q", sqssim.Stats{InFlight: c.left})
			// What failed comes again by its visibility timeout, not before.
			s.queue.Advance(599 * time.Second)
			s.wantStats(t, "q", sqssim.Stats{InFlight: c.left})
			if c.left == 0 {
				return
			}
			s.queue.Advance(time.Second)
			again := <-s.calls
			if len(again.event.Records) != c.left || again.event.Records[0].Attributes["ApproximateReceiveCount"] != "2" {
				t.Errorf("again: got %+v", again.event)
			}
			again.answer <- answer{functionError: "Unhandled"}
			<-s.reports
			s.queue.Advance(600 * time.Second)
			s.wantStats(t, "dead", sqssim.Stats{Visible: c.left})
		})
	}
}

// Without ReportBatchItemFailures the answer's body means nothing.
func TestWholeBatch(t *testing.T) {
	s := start(t, eventsource.Mapping{})
	s.send(t, 0, "a")
	c := <-s.calls
	c.answer <- answer{body: `{"batchItemFailures":[{"itemIdentifier":"` + c.event.Records[0].MessageId + `"}]}`}
	s.wantStats(t, "q", sqssim.Stats{})
}

// With all slots taken no message is received, so none loses its visibility by
// waiting here.
func TestConcurrency(t *testing.T) {
	s := start(t, eventsource.Mapping{BatchSize: 1, MaxConcurrency: 2})
	s.send(t, 0, "a", "b", "c")
	first, second := <-s.calls, <-s.calls
	s.wantStats(t, "q", sqssim.Stats{Visible: 1, InFlight: 2})
	first.answer <- answer{}
	third := <-s.calls
	if third.event.Records[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("got %+v", third.event)
	}
	s.wantStats(t, "q", sqssim.Stats{InFlight: 2})
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	second.answer <- answer{}
	third.answer <- answer{} // what was begun is finished
	<-stopped
	s.wantStats(t, "q", sqssim.Stats{})
}

// A window gathers what comes one by one, and never beyond the batch size.
func TestWindow(t *testing.T) {
	s := start(t, eventsource.Mapping{BatchSize: 3, Window: time.Minute, MaxConcurrency: 1})
	for _, body := range []string{"a", "b", "c", "d"} {
		s.send(t, 0, body)
	}
	c := <-s.calls
	var bodies []string
	for _, r := range c.event.Records {
		bodies = append(bodies, r.Body)
	}
	if !slices.Equal(bodies, []string{"a", "b", "c"}) {
		t.Errorf("got %v", bodies)
	}
	c.answer <- answer{}
	s.wantStats(t, "q", sqssim.Stats{InFlight: 1}) // d waits for its own window
	go func() { (<-s.calls).answer <- answer{} }()
	s.stop()
}

// Large messages go out in several calls, each within Lambda's 6 MB.
func TestSplit(t *testing.T) {
	s := start(t, eventsource.Mapping{BatchSize: 6, MaxConcurrency: 1, Window: time.Minute})
	for range 6 {
		s.send(t, 0, strings.Repeat("x", 1<<20-200))
	}
	for _, want := range []int{5, 1} {
		c := <-s.calls
		if len(c.event.Records) != want {
			t.Errorf("got %d records, want %d", len(c.event.Records), want)
		}
		c.answer <- answer{}
	}
	s.wantStats(t, "q", sqssim.Stats{})
}

func TestSchedule(t *testing.T) {
	type call struct {
		function string
		payload  []byte
	}
	calls := make(chan call)
	reports := make(chan error, 100)
	outcome := answer{body: `"done"`}
	s := eventsource.Schedule{Name: "reconcile", Function: "f", Every: time.Millisecond, Report: func(err error) { reports <- err },
		Invoke: func(_ context.Context, function string, payload []byte) ([]byte, string, error) {
			calls <- call{function, payload}
			return []byte(outcome.body), outcome.functionError, outcome.err
		}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	for range 3 {
		c := <-calls
		var event events.EventBridgeEvent
		if err := json.Unmarshal(c.payload, &struct {
			*events.EventBridgeEvent
			Detail string `json:"detail"`
		}{EventBridgeEvent: &event}); err != nil || event.Source != "aws.scheduler" || event.DetailType != "Scheduled Event" ||
			len(event.Resources) != 1 || !strings.HasSuffix(event.Resources[0], "/reconcile") || event.Time.IsZero() || c.function != "f" {
			t.Errorf("got %s: %v", c.payload, err)
		}
	}
	cancel()
	go func() { // one that had begun
		select {
		case <-calls:
		case <-done:
		}
	}()
	<-done

	go func() { <-calls; <-calls }()
	if got, err := s.Trigger(t.Context()); err != nil || string(got) != `"done"` {
		t.Errorf("trigger: got %s, %v", got, err)
	}
	outcome = answer{functionError: "Unhandled"}
	if _, err := s.Trigger(t.Context()); !errors.Is(err, eventsource.ErrFunction) {
		t.Errorf("trigger of a failing function: got %v", err)
	}
}
