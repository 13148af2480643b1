package sqssim_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// TestConformance holds one suite against this server and, where moto's is
// installed, against that: an independent reading of the same protocol.
func TestConformance(t *testing.T) {
	t.Run("sqssim", func(t *testing.T) { suite(t, ours) })
	if other, ok := moto(t); ok {
		t.Run("moto", func(t *testing.T) { suite(t, func(testing.TB) target { return other }) })
	}
}

func suite(t *testing.T, open func(testing.TB) target) {
	for name, check := range map[string]func(*testing.T, target){
		"queues": queues, "round trip": roundTrip, "attributes": attributes, "long poll": longPoll,
		"visibility": visibility, "delay": delay, "redrive": redrive, "move task": moveTask,
		"limits": limits, "receipt handles": receiptHandles,
		"trace and group": traceAndGroup,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); check(t, open(t)) })
	}
}

func queues(t *testing.T, on target) {
	ctx, url := on.queue(t, map[string]string{"VisibilityTimeout": "45"})
	name := url[strings.LastIndex(url, "/")+1:]
	again, err := on.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{"VisibilityTimeout": "45"}})
	if err != nil || *again.QueueUrl != url {
		t.Errorf("create again: %v", err)
	}
	_, err = on.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{"VisibilityTimeout": "46"}})
	wantCode(t, "create with other settings", err, "QueueAlreadyExists")

	found, err := on.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil || *found.QueueUrl != url {
		t.Errorf("get url: %v", err)
	}
	_, err = on.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("no-such-queue")})
	var missing *types.QueueDoesNotExist
	if !errors.As(err, &missing) {
		t.Errorf("unknown queue: got %v, want QueueDoesNotExist", err)
	}
	wantCode(t, "unknown queue", err, "AWS.SimpleQueueService.NonExistentQueue")

	got := on.attributes(t, url)
	for name, want := range map[string]string{"VisibilityTimeout": "45", "DelaySeconds": "0", "MessageRetentionPeriod": "345600", "ApproximateNumberOfMessages": "0"} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	if !strings.HasSuffix(got["QueueArn"], ":"+name) {
		t.Errorf("arn: got %q", got["QueueArn"])
	}
	list, err := on.ListQueues(ctx, &sqs.ListQueuesInput{QueueNamePrefix: &name})
	if err != nil || !slices.Equal(list.QueueUrls, []string{url}) {
		t.Errorf("list: got %v, %v", list, err)
	}
	_, err = on.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(url + "-none"), MessageBody: aws.String("x")})
	if !errors.As(err, &missing) {
		t.Errorf("send to an unknown queue: got %v, want QueueDoesNotExist", err)
	}
}

func roundTrip(t *testing.T, on target) {
	ctx, url := on.queue(t, nil)
	sent := on.send(t, url, "höllo\n\t\"<&>\"", 0)
	m := on.receive(t, url, 0)
	if *m.Body != "höllo\n\t\"<&>\"" || *m.MessageId != sent {
		t.Errorf("got %q %s, want what was sent", *m.Body, *m.MessageId)
	}
	if got := m.Attributes["ApproximateReceiveCount"]; got != "1" {
		t.Errorf("receive count: got %s, want 1", got)
	}
	if m.Attributes["SentTimestamp"] == "" || m.Attributes["ApproximateFirstReceiveTimestamp"] == "" || m.Attributes["SenderId"] == "" {
		t.Errorf("system attributes: got %v", m.Attributes)
	}
	on.wantCounts(t, url, "0 1 0")
	on.delete(t, url, *m.ReceiptHandle)
	on.delete(t, url, *m.ReceiptHandle)
	on.wantCounts(t, url, "0 0 0")

	on.send(t, url, "x", 0)
	if _, err := on.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &url}); err != nil {
		t.Errorf("purge: %v", err)
	}
	on.wantCounts(t, url, "0 0 0")
}

func attributes(t *testing.T, on target) {
	ctx, url := on.queue(t, nil)
	text := func(kind, v string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: &kind, StringValue: &v}
	}
	sent := map[string]types.MessageAttributeValue{
		"correlation_id": text("String", "c-1"), "n": text("Number.int", "7"),
		"raw": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
	}
	out, err := on.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x"), MessageAttributes: sent})
	if err != nil {
		t.Fatal(err)
	}
	// Of the algorithm in SQS's developer guide; moto's server agrees.
	if got, want := aws.ToString(out.MD5OfMessageAttributes), "497d5e73fe16fef785fe4b3348473478"; got != want {
		t.Errorf("md5 of attributes: got %s, want %s", got, want)
	}
	m := on.receive(t, url, 0)
	if len(m.MessageAttributes) != 3 || *m.MessageAttributes["correlation_id"].StringValue != "c-1" ||
		!slices.Equal(m.MessageAttributes["raw"].BinaryValue, []byte{0, 255}) {
		t.Errorf("got %v", m.MessageAttributes)
	}
	if aws.ToString(m.MD5OfMessageAttributes) != aws.ToString(out.MD5OfMessageAttributes) {
		t.Errorf("md5 on receive: got %v", m.MD5OfMessageAttributes)
	}
	_, err = on.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x"),
		MessageAttributes: map[string]types.MessageAttributeValue{"a": text("Text", "x")}})
	wantCode(t, "bad type", err, "InvalidParameterValue")
}

// longPoll: a poll that found nothing must answer the moment that something
// comes, not at its end.
func longPoll(t *testing.T, on target) {
	_, url := on.queue(t, nil)
	started := time.Now()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		on.send(t, url, "late", 0)
	}()
	m := on.receive(t, url, 20)
	<-sent
	if *m.Body != "late" || time.Since(started) > 10*time.Second {
		t.Errorf("got %q after %v", *m.Body, time.Since(started))
	}
}

func visibility(t *testing.T, on target) {
	ctx, url := on.queue(t, map[string]string{"VisibilityTimeout": on.while()})
	on.send(t, url, "x", 0)
	first := on.receive(t, url, 0)
	on.wantNone(t, url)
	on.advance(on.hidden)
	second := on.receive(t, url, 20)
	if got := second.Attributes["ApproximateReceiveCount"]; got != "2" {
		t.Errorf("receive count: got %s, want 2", got)
	}
	if first.Attributes["ApproximateFirstReceiveTimestamp"] != second.Attributes["ApproximateFirstReceiveTimestamp"] {
		t.Errorf("first receive changed: %v, %v", first.Attributes, second.Attributes)
	}
	change := func(seconds int32) {
		t.Helper()
		if _, err := on.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
			QueueUrl: &url, ReceiptHandle: second.ReceiptHandle, VisibilityTimeout: seconds}); err != nil {
			t.Errorf("change visibility to %d: %v", seconds, err)
		}
	}
	change(600)
	on.advance(2 * on.hidden)
	on.wantNone(t, url)
	change(0)
	third := on.receive(t, url, 20)
	if *third.Body != "x" {
		t.Errorf("got %q", *third.Body)
	}
}

func delay(t *testing.T, on target) {
	_, url := on.queue(t, nil)
	on.send(t, url, "x", int32(on.hidden.Seconds()))
	on.wantCounts(t, url, "0 0 1")
	on.wantNone(t, url)
	on.advance(on.hidden)
	if m := on.receive(t, url, 20); *m.Body != "x" {
		t.Errorf("got %q", *m.Body)
	}
	_, byQueue := on.queue(t, map[string]string{"DelaySeconds": "60"})
	on.send(t, byQueue, "x", 0)
	on.wantCounts(t, byQueue, "0 0 1")
}

func redrive(t *testing.T, on target) {
	ctx, dead := on.queue(t, nil)
	arn := on.attributes(t, dead)["QueueArn"]
	_, url := on.queue(t, map[string]string{"VisibilityTimeout": "0",
		"RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":"2"}`})
	id := on.send(t, url, "poison", 0)
	on.receive(t, url, 0)
	on.receive(t, url, 0)
	on.wantNone(t, url)
	m := on.receive(t, dead, 0)
	if *m.MessageId != id || *m.Body != "poison" {
		t.Errorf("dead-letter queue: got %s %q", *m.MessageId, *m.Body)
	}
	if !on.strict {
		return
	}
	_, err := on.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("to-nowhere"), Attributes: map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `-none","maxReceiveCount":2}`}})
	wantCode(t, "redrive to nowhere", err, "InvalidParameterValue")
}

func moveTask(t *testing.T, on target) {
	ctx, dead := on.queue(t, nil)
	arn := on.attributes(t, dead)["QueueArn"]
	_, url := on.queue(t, map[string]string{"VisibilityTimeout": "0",
		"RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":1}`})
	source := on.attributes(t, url)["QueueArn"]
	on.send(t, url, "again", 0)
	on.receive(t, url, 0)
	on.wantNone(t, url)
	if !on.strict {
		return // moto 5.2.1 answers 500
	}
	if _, err := on.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &arn, DestinationArn: &source}); err != nil {
		t.Fatalf("start move task: %v", err)
	}
	if m := on.receive(t, url, 20); *m.Body != "again" {
		t.Errorf("got %q", *m.Body)
	}
	_, err := on.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &source})
	wantCode(t, "move out of a queue that is no dead-letter queue", err, "InvalidParameterValue")
}

func limits(t *testing.T, on target) {
	ctx, url := on.queue(t, map[string]string{"MaximumMessageSize": "1048576"})
	send := func(body string, delay int32) error {
		_, err := on.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body, DelaySeconds: delay})
		return err
	}
	if err := send(strings.Repeat("x", 1<<20), 0); err != nil {
		t.Errorf("1 MiB: %v", err)
	}
	wantCode(t, "a byte more", send(strings.Repeat("x", 1<<20+1), 0), "InvalidParameterValue")
	wantCode(t, "delay", send("x", 901), "InvalidParameterValue")
	if on.strict {
		wantCode(t, "control character", send("\x00", 0), "InvalidMessageContents")
	}
	_, err := on.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 11})
	wantCode(t, "receive 11", err, "InvalidParameterValue")
	_, err = on.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 21})
	wantCode(t, "wait 21 s", err, "InvalidParameterValue")
}

func receiptHandles(t *testing.T, on target) {
	ctx, url := on.queue(t, map[string]string{"VisibilityTimeout": on.while()})
	change := func(handle *string) error {
		_, err := on.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: handle, VisibilityTimeout: 600})
		return err
	}
	on.send(t, url, "x", 0)
	stale := on.receive(t, url, 0).ReceiptHandle
	on.advance(on.hidden)
	newest := on.receive(t, url, 20).ReceiptHandle
	if *stale == *newest {
		t.Error("two receives gave the same handle")
	}
	wantCode(t, "change with nonsense", change(aws.String("nonsense")), "ReceiptHandleIsInvalid")
	_, err := on.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: aws.String("nonsense")})
	wantCode(t, "delete with nonsense", err, "ReceiptHandleIsInvalid")
	if !on.strict {
		return // moto lets an older handle act
	}
	wantCode(t, "change with a stale handle", change(stale), "ReceiptHandleIsInvalid")
	on.delete(t, url, *stale)
	on.wantCounts(t, url, "0 1 0")
	on.advance(on.hidden)
	wantCode(t, "change after it became visible", change(newest), "AWS.SimpleQueueService.MessageNotInflight")
	on.delete(t, url, *newest) // the newest handle deletes even then
	on.wantCounts(t, url, "0 0 0")
	wantCode(t, "change after it was deleted", change(newest), "InvalidParameterValue")
}

// traceAndGroup: what X-Ray's header and a fair queue's tenant need.
func traceAndGroup(t *testing.T, on target) {
	ctx, url := on.queue(t, nil)
	_, err := on.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x"), MessageGroupId: aws.String("tenant"),
		MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1-2-3")}}})
	if err != nil {
		t.Fatal(err)
	}
	m := on.receive(t, url, 0)
	if m.Attributes["AWSTraceHeader"] != "Root=1-2-3" || m.Attributes["MessageGroupId"] != "tenant" {
		t.Errorf("got %v", m.Attributes)
	}
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}
