// Package sqs owns the queues: the format of the messages, sending them,
// working through a batch of them, and the one table that says what a failure
// means for a message. It knows no database, no cache and no E2B.
package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"siesta/shared/job"
)

// callTimeout bounds one call to SQS, its retries included.
const callTimeout = 5 * time.Second

// Client talks to SQS. It serves any number of queues.
type Client struct{ api *sqs.Client }

// New prepares a Client. endpoint replaces the region's own; nil keeps it.
func New(cfg aws.Config, endpoint *string) *Client {
	return &Client{api: sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		if endpoint != nil {
			o.BaseEndpoint = endpoint
		}
	})}
}

// Queue is one queue and the dead-letter queue behind it. Its methods may be
// called from many goroutines; when SQS does not do what they ask, they fail
// with job.ErrUnavailable.
type Queue struct {
	api             *sqs.Client
	url, deadLetter string
}

// Queue returns the queue at url. deadLetter, the address of its dead-letter
// queue, may be empty for a queue that is only sent to.
func (c *Client) Queue(url, deadLetter string) *Queue {
	return &Queue{api: c.api, url: url, deadLetter: deadLetter}
}

// SendBuild sends m, to be received after delay, which is MaxDelay at most: who
// means longer sends again. A message over MaxBody is job.ErrTooLarge.
func (q *Queue) SendBuild(ctx context.Context, m BuildMessage, delay time.Duration) error {
	m.Version = version
	return q.send(ctx, m, m.Group, delay)
}

// SendPause sends m, as SendBuild does.
func (q *Queue) SendPause(ctx context.Context, m PauseMessage, delay time.Duration) error {
	m.Version = version
	return q.send(ctx, m, "", delay)
}

func (q *Queue) send(ctx context.Context, m any, group string, delay time.Duration) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	in := &sqs.SendMessageInput{
		QueueUrl:          &q.url,
		MessageBody:       aws.String(string(body)),
		DelaySeconds:      seconds(delay, MaxDelay),
		MessageAttributes: map[string]types.MessageAttributeValue{},
	}
	if id := Correlation(ctx); id != "" {
		in.MessageAttributes[correlationAttribute] = text(id)
	}
	if isGroup(group) {
		in.MessageGroupId = &group
	}
	return q.put(ctx, "send message", in)
}

// toDeadLetters sends r's body as it came to the dead-letter queue, with the
// reason and the message's id as attributes. Beside a body near MaxBody there is
// room for a part of the reason alone.
func (q *Queue) toDeadLetters(ctx context.Context, r Record, reason string) error {
	about := map[string]types.MessageAttributeValue{}
	room := MaxBody - len(r.Body)
	add := func(name, value string, whole bool) {
		left := room - len(name) - len(textType)
		if left <= 0 || whole && len(value) > left {
			return
		}
		about[name] = text(value[:min(len(value), left)])
		room -= sizeOf(name, about[name])
	}
	add("reason", reason, false)
	add("source_message_id", r.MessageID, true)
	add(correlationAttribute, r.Correlation, true)
	return q.put(ctx, "send message to dead-letter queue", &sqs.SendMessageInput{
		QueueUrl: &q.deadLetter, MessageBody: &r.Body, MessageAttributes: about,
	})
}

// sizeOf is what an attribute adds to the size of a message.
func sizeOf(name string, a types.MessageAttributeValue) int {
	return len(name) + len(*a.DataType) + len(*a.StringValue)
}

func (q *Queue) put(ctx context.Context, what string, in *sqs.SendMessageInput) error {
	size := len(*in.MessageBody)
	for name, a := range in.MessageAttributes {
		size += sizeOf(name, a)
	}
	if size > MaxBody {
		return fmt.Errorf("%s of %d bytes: %w", what, size, job.ErrTooLarge)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := q.api.SendMessage(ctx, in)
	return unavailable(what, err)
}

// changeVisibility makes a received message visible again d from now, unless it
// is deleted before.
func (q *Queue) changeVisibility(ctx context.Context, receiptHandle string, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := q.api.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.url, ReceiptHandle: &receiptHandle, VisibilityTimeout: seconds(d, MaxVisibility),
	})
	return unavailable("change visibility", err)
}

// unavailable says of any error of SQS that the queue could not be used.
func unavailable(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", what, job.ErrUnavailable, err)
}

// seconds rounds d up to whole seconds, within what SQS takes.
func seconds(d, most time.Duration) int32 {
	return int32(math.Ceil(min(max(d, 0), most).Seconds()))
}

const textType = "String"

// text makes an attribute. SQS refuses an empty value and control characters.
func text(s string) types.MessageAttributeValue {
	const maxText = 1024
	if len(s) > maxText {
		s = s[:maxText]
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if s == "" {
		s = "-"
	}
	return types.MessageAttributeValue{DataType: aws.String(textType), StringValue: &s}
}

// isGroup reports whether SQS takes s as a message group.
func isGroup(s string) bool {
	const maxGroup = 128
	return s != "" && len(s) <= maxGroup && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
