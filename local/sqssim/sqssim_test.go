package sqssim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/sqssim"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// The clock decides, not the wall: 14 days of retention pass in no time.
func TestClock(t *testing.T) {
	server, c := start(t)
	on := target{Client: c}
	_, url := on.queue(t, map[string]string{"MessageRetentionPeriod": "1209600"})
	name := url[strings.LastIndex(url, "/")+1:]
	on.send(t, url, "x", 900)
	for _, step := range []struct {
		by   time.Duration
		want sqssim.Stats
	}{
		{0, sqssim.Stats{Delayed: 1}},
		{899 * time.Second, sqssim.Stats{Delayed: 1}},
		{time.Second, sqssim.Stats{Visible: 1}},
		{14 * 24 * time.Hour, sqssim.Stats{}},
	} {
		server.Advance(step.by)
		if got := server.Stats(name); got != step.want {
			t.Errorf("after %v: got %+v, want %+v", step.by, got, step.want)
		}
	}
	on.wantNone(t, url)
}

// A long poll that waits must see a delay or a visibility end when the clock is
// moved, and end itself when its own time is over.
func TestAdvanceWakesPolls(t *testing.T) {
	server, c := start(t)
	on := target{Client: c}
	_, url := on.queue(t, nil)
	queue := server.Queue(url[strings.LastIndex(url, "/")+1:])
	on.send(t, url, "x", 600)
	go server.Advance(600 * time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := queue.Receive(ctx, 10, 20*time.Second)
	if err != nil || len(got) != 1 || got[0].Body != "x" || got[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDirectQueue(t *testing.T) {
	server, c := start(t)
	ctx, url := target{Client: c}.queue(t, nil)
	name := url[strings.LastIndex(url, "/")+1:]
	_, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x"),
		MessageAttributes: map[string]types.MessageAttributeValue{"correlation_id": {DataType: aws.String("String"), StringValue: aws.String("c-1")}}})
	if err != nil {
		t.Fatal(err)
	}
	lying := server.Messages(name)
	if len(lying) != 1 || lying[0].Body != "x" || lying[0].Attributes["correlation_id"] != "c-1" || lying[0].Receives != 0 {
		t.Errorf("messages: got %+v", lying)
	}
	got, err := server.Queue(name).Receive(ctx, 10, 0)
	if err != nil || len(got) != 1 {
		t.Fatalf("receive: got %v, %v", got, err)
	}
	record := got[0]
	if *record.MessageAttributes["correlation_id"].StringValue != "c-1" || record.EventSourceARN != server.ARN(name) || record.Md5OfBody == "" {
		t.Errorf("record: got %+v", record)
	}
	done := make(chan error, 1)
	go func() {
		done <- server.Wait(ctx, name, func(s sqssim.Stats) bool { return s.Total() == 0 })
	}()
	// Wait sees what only time changes, too.
	_, delayed := target{Client: c}.queue(t, nil)
	target{Client: c}.send(t, delayed, "x", 1)
	if err := server.Wait(ctx, delayed[strings.LastIndex(delayed, "/")+1:], func(s sqssim.Stats) bool { return s.Visible == 1 }); err != nil {
		t.Error(err)
	}
	if err := server.Queue(name).Delete(ctx, []string{record.ReceiptHandle}); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := server.Queue(name).Receive(cancelled, 1, 20*time.Second); err == nil {
		t.Error("receive went on after its context ended")
	}
}

// A message sent straight into a dead-letter queue has no source: a redrive
// leaves it there unless it is told where to.
func TestMoveWithoutSource(t *testing.T) {
	server, c := start(t)
	on := target{Client: c}
	ctx, dead := on.queue(t, nil)
	arn := on.attributes(t, dead)["QueueArn"]
	_, url := on.queue(t, map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":1}`})
	on.send(t, dead, "direct", 0)
	for _, step := range []struct {
		to           *string
		want, counts string
	}{{nil, "FAILED", "1 0 0"}, {aws.String(server.ARN(url[strings.LastIndex(url, "/")+1:])), "COMPLETED", "0 0 0"}} {
		if _, err := c.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &arn, DestinationArn: step.to}); err != nil {
			t.Fatal(err)
		}
		tasks, err := c.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &arn})
		if err != nil || aws.ToString(tasks.Results[0].Status) != step.want {
			t.Errorf("task: got %+v, %v, want %s", tasks, err, step.want)
		}
		on.wantCounts(t, dead, step.counts)
	}
}

func TestOtherProtocolsAreRefusedInWords(t *testing.T) {
	_, c := start(t)
	resp, err := http.Post(*c.Options().BaseEndpoint, "application/x-www-form-urlencoded", strings.NewReader("Action=ListQueues"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 400 || resp.Header.Get("x-amzn-query-error") != "AWS.SimpleQueueService.UnsupportedOperation;Sender" {
		t.Errorf("got %d, %v", resp.StatusCode, resp.Header)
	}
	_, err = c.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: aws.String("x"), Tags: map[string]string{"a": "b"}})
	wantCode(t, "unknown operation", err, "AWS.SimpleQueueService.UnsupportedOperation")
}

// BenchmarkRoundTrip is one message sent, received and deleted by the SDK.
func BenchmarkRoundTrip(b *testing.B) {
	_, c := start(b)
	on := target{Client: c}
	_, url := on.queue(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		on.send(b, url, "x", 0)
		on.delete(b, url, *on.receive(b, url, 0).ReceiptHandle)
	}
}
