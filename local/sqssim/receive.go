package sqssim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

type receiveIn struct {
	QueueUrl                    string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	AttributeNames              []string // older name of the next one
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

type received struct {
	MessageID         string `json:"MessageId"`
	ReceiptHandle     string
	Body              string
	MD5               string               `json:"MD5OfBody"`
	Attributes        map[string]string    `json:",omitempty"`
	MD5Attributes     string               `json:"MD5OfMessageAttributes,omitempty"`
	MessageAttributes map[string]attribute `json:",omitempty"`
}

func (s *Server) receiveMessage(ctx context.Context, in receiveIn) (any, error) {
	most, err := between("MaxNumberOfMessages", in.MaxNumberOfMessages, 1, 1, 10)
	if err != nil {
		return nil, err
	}
	if _, err = between("WaitTimeSeconds", in.WaitTimeSeconds, 0, 0, 20); err != nil {
		return nil, err
	}
	if _, err = between("VisibilityTimeout", in.VisibilityTimeout, 0, 0, 43200); err != nil {
		return nil, err
	}
	out := []received{}
	err = s.poll(ctx, in.QueueUrl, most, in.WaitTimeSeconds, in.VisibilityTimeout, func(q *queue, m *message) {
		r := received{MessageID: m.id, ReceiptHandle: q.handle(m), Body: m.body, MD5: m.md5}
		asked := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
		for name, value := range m.system() {
			if slices.Contains(asked, name) || slices.Contains(asked, "All") {
				if r.Attributes == nil {
					r.Attributes = map[string]string{}
				}
				r.Attributes[name] = value
			}
		}
		r.MessageAttributes = selected(m.attributes, in.MessageAttributeNames)
		r.MD5Attributes = md5OfAttributes(r.MessageAttributes)
		out = append(out, r)
	})
	return map[string]any{"Messages": out}, err
}

// poll calls each, under the lock, with up to most messages. Without any it
// waits, on the server's clock, and looks again the moment anything changes or
// falls due. nil stands for the queue's own setting.
func (s *Server) poll(ctx context.Context, address string, most int, wait, visibility *int, each func(*queue, *message)) error {
	var until time.Time
	for {
		s.mu.Lock()
		q, err := s.lookup(address)
		if err != nil || ctx.Err() != nil { // what nobody hears must not go out of sight
			s.mu.Unlock()
			return cmp.Or(err, ctx.Err())
		}
		now := s.now()
		if until.IsZero() {
			until = now.Add(seconds(wait, q.number("ReceiveMessageWaitTimeSeconds")))
		}
		taken := s.take(q, most, seconds(visibility, q.number("VisibilityTimeout")))
		for _, m := range taken {
			each(q, m)
		}
		changed, left := s.changed, until.Sub(now)
		if len(q.heap) > 0 {
			left = min(left, q.heap[0].visibleAt.Sub(now))
		}
		s.mu.Unlock()
		if len(taken) > 0 || !now.Before(until) {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func seconds(given *int, otherwise int) time.Duration {
	if given != nil {
		otherwise = *given
	}
	return time.Duration(otherwise) * time.Second
}

func between(name string, given *int, otherwise, least, most int) (int, error) {
	if given == nil {
		return otherwise, nil
	}
	if *given < least || *given > most {
		return 0, invalid(fmt.Sprintf("Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided.", *given, name, least, most))
	}
	return *given, nil
}

// system returns the attributes that SQS itself gives a message.
func (m *message) system() map[string]string {
	ms := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	all := map[string]string{
		"SenderId":                         "AIDALOCAL",
		"SentTimestamp":                    ms(m.sentAt),
		"ApproximateReceiveCount":          itoa(m.receives),
		"ApproximateFirstReceiveTimestamp": ms(m.firstReceived),
	}
	for name, value := range map[string]string{
		"AWSTraceHeader": m.trace, "MessageGroupId": m.group, "DeadLetterQueueSourceArn": m.sourceARN,
	} {
		if value != "" {
			all[name] = value
		}
	}
	return all
}
