package sqssim

import (
	"container/heap"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// message is one message of a queue. It stays in its queue's heap until it is
// deleted; whether it is visible follows from visibleAt alone.
type message struct {
	id, body, md5 string
	attributes    map[string]attribute
	trace, group  string
	sentAt        time.Time
	visibleAt     time.Time
	firstReceived time.Time
	receives      int    // over its whole life
	received      bool   // since it came into this queue; tells in flight from delayed
	sourceARN     string // the queue that gave it up, in a dead-letter queue
	seq           uint64
	index         int // in the heap
}

// queue holds its messages ordered by when they become visible, then by arrival.
type queue struct {
	name     string
	created  time.Time
	settings map[string]string // only what was set
	policy   redrivePolicy
	heap     messageHeap
	byID     map[string]*message
}

func (q *queue) arn() string { return "arn:aws:sqs:" + region + ":" + account + ":" + q.name }

func (q *queue) add(m *message) {
	q.byID[m.id] = m
	heap.Push(&q.heap, m)
}

func (q *queue) remove(m *message) {
	heap.Remove(&q.heap, m.index)
	delete(q.byID, m.id)
}

func (q *queue) setVisible(m *message, at time.Time) {
	m.visibleAt = at
	heap.Fix(&q.heap, m.index)
}

// expired reports whether the retention period took the message.
func (q *queue) expired(m *message, now time.Time) bool {
	return !now.Before(m.sentAt.Add(q.seconds("MessageRetentionPeriod")))
}

// take returns up to max visible messages, each made invisible for the given
// time, and moves those that were received too often to the dead-letter queue.
func (s *Server) take(q *queue, max int, visibility time.Duration) []*message {
	var taken []*message
	now, moved := s.now(), false
	for len(taken) < max && len(q.heap) > 0 && !q.heap[0].visibleAt.After(now) {
		m := q.heap[0]
		dead := s.queues[q.policy.target]
		switch {
		case q.expired(m, now):
			q.remove(m)
		case dead != nil && m.receives >= q.policy.maxReceives:
			q.remove(m)
			m.sourceARN, m.received, m.visibleAt = q.arn(), false, now
			dead.add(m)
			moved = true
		default:
			m.receives, m.received = m.receives+1, true
			if m.firstReceived.IsZero() {
				m.firstReceived = now
			}
			// A visibility of 0 leaves it at the top; one answer holds it once.
			q.remove(m)
			m.visibleAt = now.Add(visibility)
			taken = append(taken, m)
		}
	}
	for _, m := range taken {
		q.add(m)
	}
	if moved || len(taken) > 0 {
		s.notify()
	}
	return taken
}

// handle names one receive of one message. Whoever holds an older one has lost
// the message to a later receiver.
func (q *queue) handle(m *message) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%s %s %d", q.name, m.id, m.receives))
}

// find resolves a receipt handle: the message, or nil if it is gone, and whether
// the handle is its newest. A handle that this queue never gave is an error.
func (q *queue) find(handle string) (m *message, current bool, err error) {
	if handle == "" {
		return nil, false, missing("ReceiptHandle")
	}
	raw, err := base64.URLEncoding.DecodeString(handle)
	if err != nil {
		return nil, false, errBadHandle
	}
	parts := strings.Split(string(raw), " ")
	if len(parts) != 3 || parts[0] != q.name {
		return nil, false, errBadHandle
	}
	m = q.byID[parts[1]]
	return m, m != nil && handle == q.handle(m), nil
}

// delete is idempotent; with an older handle it does nothing, as SQS documents
// for standard queues.
func (s *Server) delete(q *queue, handle string) error {
	m, current, err := q.find(handle)
	if err != nil || !current {
		return err
	}
	q.remove(m)
	s.notify()
	return nil
}

func (s *Server) changeOne(q *queue, handle string, seconds int) error {
	if seconds < 0 || seconds > 43200 {
		return invalid(fmt.Sprintf("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.", seconds))
	}
	m, current, err := q.find(handle)
	now := s.now()
	switch {
	case err != nil:
		return err
	case m == nil:
		return invalid("Value " + handle + " for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.")
	case !current:
		return errBadHandle
	case !m.visibleAt.After(now):
		return errNotInFlight
	}
	q.setVisible(m, now.Add(time.Duration(seconds)*time.Second))
	s.notify()
	return nil
}

type messageHeap []*message

func (h messageHeap) Len() int { return len(h) }
func (h messageHeap) Less(i, j int) bool {
	if !h[i].visibleAt.Equal(h[j].visibleAt) {
		return h[i].visibleAt.Before(h[j].visibleAt)
	}
	return h[i].seq < h[j].seq
}
func (h messageHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *messageHeap) Push(x any) {
	m := x.(*message)
	m.index = len(*h)
	*h = append(*h, m)
}
func (h *messageHeap) Pop() any {
	old := *h
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return m
}
