package sqssim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Stats counts a queue's messages.
type Stats struct {
	Visible  int // may be received now
	InFlight int // received, not yet visible again
	Delayed  int // sent with a delay that still runs
}

// Total counts every message that has not been deleted.
func (s Stats) Total() int { return s.Visible + s.InFlight + s.Delayed }

// Message is a message as it lies in a queue.
type Message struct {
	ID         string
	Body       string
	Attributes map[string]string // message attributes of type String and Number
	Receives   int
	SentAt     time.Time // on the server's clock, as VisibleAt
	VisibleAt  time.Time
}

// URL is a queue's address, whether it exists or not.
func (s *Server) URL(name string) string { return s.base + "/" + account + "/" + name }

// ARN is a queue's Amazon Resource Name, whether it exists or not.
func (s *Server) ARN(name string) string { return (&queue{name: name}).arn() }

// CreateQueue makes a queue, with the attributes of the API's CreateQueue, and
// returns its address.
func (s *Server) CreateQueue(name string, attributes map[string]string) (string, error) {
	if _, err := s.createQueue(context.Background(), createQueueIn{name, attributes}); err != nil {
		return "", fmt.Errorf("create queue %s: %w", name, err)
	}
	return s.URL(name), nil
}

// ClientEnv is the environment of an AWS client, by name: the server looks at no
// signature, and the client makes none without these.
func ClientEnv(name string) string {
	return map[string]string{"AWS_REGION": region, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}[name]
}

// Now tells the server's clock.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// Advance moves the server's clock on: delays, visibility, retention and long
// polls that fall due by that take effect at once.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
	s.notify()
}

// Stats counts the messages of a queue; an unknown queue has none.
func (s *Server) Stats(name string) Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[name]; q != nil {
		return q.stats(s.now())
	}
	return Stats{}
}

// Messages returns what lies in a queue, in the order of becoming visible.
func (s *Server) Messages(name string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[name]
	if q == nil {
		return nil
	}
	var out []Message
	for _, m := range q.ordered() {
		text := map[string]string{}
		for name, a := range m.attributes {
			if a.StringValue != nil {
				text[name] = *a.StringValue
			}
		}
		out = append(out, Message{m.id, m.body, text, m.receives, m.sentAt, m.visibleAt})
	}
	return out
}

// Wait returns as soon as a queue's counts satisfy ok, or with ctx's error.
func (s *Server) Wait(ctx context.Context, name string, ok func(Stats) bool) error {
	for {
		s.mu.Lock()
		var stats Stats
		var due <-chan time.Time
		if q := s.queues[name]; q != nil {
			now := s.now()
			stats = q.stats(now)
			if next, ok := q.nextDue(now); ok {
				due = time.After(next)
			}
		}
		changed := s.changed
		s.mu.Unlock()
		if ok(stats) {
			return nil
		}
		select {
		case <-changed:
		case <-due:
		case <-ctx.Done():
			return fmt.Errorf("wait for queue %s, now %+v: %w", name, stats, ctx.Err())
		}
	}
}

// Remove takes a message out of a queue, whoever holds it.
func (s *Server) Remove(name, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[name]
	if q == nil {
		return
	}
	if m := q.byID[id]; m != nil {
		q.remove(m)
		s.notify()
	}
}

// Queue reaches one queue from inside the process, as a Lambda event source
// mapping sees it.
type Queue struct {
	server *Server
	name   string
}

// Queue returns a handle on a queue, whether it exists yet or not.
func (s *Server) Queue(name string) *Queue { return &Queue{s, name} }

// Receive takes up to most messages (1 to 10), waiting up to wait for the first.
func (q *Queue) Receive(ctx context.Context, most int, wait time.Duration) ([]events.SQSMessage, error) {
	var out []events.SQSMessage
	waitSeconds := int(wait / time.Second)
	err := q.server.poll(ctx, q.server.URL(q.name), max(1, min(most, 10)), &waitSeconds, nil, func(own *queue, m *message) {
		record := events.SQSMessage{
			MessageId: m.id, ReceiptHandle: own.handle(m), Body: m.body, Md5OfBody: m.md5,
			Md5OfMessageAttributes: md5OfAttributes(m.attributes), Attributes: m.system(),
			MessageAttributes: map[string]events.SQSMessageAttribute{},
			EventSource:       "aws:sqs", EventSourceARN: own.arn(), AWSRegion: region,
		}
		for name, a := range m.attributes {
			record.MessageAttributes[name] = events.SQSMessageAttribute{
				StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: a.DataType,
				StringListValues: []string{}, BinaryListValues: [][]byte{},
			}
		}
		out = append(out, record)
	})
	return out, err
}

// Delete deletes the messages of these receipt handles; older handles do nothing.
func (q *Queue) Delete(_ context.Context, handles []string) error {
	s := q.server
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.queues[q.name]
	if own == nil {
		return errNoQueue
	}
	for _, h := range handles {
		if err := s.delete(own, h); err != nil {
			return err
		}
	}
	return nil
}

func (q *queue) stats(now time.Time) (n Stats) {
	for _, m := range q.heap {
		switch {
		case q.expired(m, now):
		case !m.visibleAt.After(now):
			n.Visible++
		case m.received:
			n.InFlight++
		default:
			n.Delayed++
		}
	}
	return n
}

// nextDue tells in what time the next message becomes visible.
func (q *queue) nextDue(now time.Time) (in time.Duration, ok bool) {
	for _, m := range q.heap {
		if left := m.visibleAt.Sub(now); left > 0 && (!ok || left < in) {
			in, ok = left, true
		}
	}
	return in, ok
}

func (q *queue) ordered() []*message {
	all := slices.Clone(q.heap)
	slices.SortFunc(all, func(a, b *message) int {
		if c := a.visibleAt.Compare(b.visibleAt); c != 0 {
			return c
		}
		return int(a.seq) - int(b.seq)
	})
	return all
}

func (q *queue) visible(now time.Time) []*message {
	return slices.DeleteFunc(q.ordered(), func(m *message) bool { return m.visibleAt.After(now) })
}
