package sqssim

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

type sendIn struct {
	QueueUrl                string
	ID                      string `json:"Id"` // in a batch
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attribute
	MessageSystemAttributes map[string]attribute
	MessageGroupID          string `json:"MessageGroupId"`
}

type sendOut struct {
	ID            string `json:"Id,omitempty"`
	MessageID     string `json:"MessageId"`
	MD5           string `json:"MD5OfMessageBody"`
	MD5Attributes string `json:"MD5OfMessageAttributes,omitempty"`
	MD5System     string `json:"MD5OfMessageSystemAttributes,omitempty"`
}

type batchFailure struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

type batchOut[T any] struct {
	Successful []T
	Failed     []batchFailure
}

func (s *Server) sendMessage(_ context.Context, in sendIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.lookup(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return s.send(q, in)
}

func (s *Server) send(q *queue, in sendIn) (sendOut, error) {
	if bad := checkBody(in.MessageBody); bad != nil {
		return sendOut{}, bad
	}
	if bad := checkAttributes(in.MessageAttributes); bad != nil {
		return sendOut{}, bad
	}
	if most := q.number("MaximumMessageSize"); size(in.MessageBody, in.MessageAttributes) > most {
		return sendOut{}, invalid(fmt.Sprintf("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", most))
	}
	delay := q.number("DelaySeconds")
	if in.DelaySeconds != nil {
		delay = *in.DelaySeconds
	}
	if delay < 0 || delay > 900 {
		return sendOut{}, invalid(fmt.Sprintf("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", delay))
	}
	s.seq++
	now := s.now()
	m := &message{
		id: newID(), body: in.MessageBody, md5: md5Of(in.MessageBody), attributes: in.MessageAttributes,
		group: in.MessageGroupID, sentAt: now, visibleAt: now.Add(time.Duration(delay) * time.Second), seq: s.seq,
	}
	if trace := in.MessageSystemAttributes["AWSTraceHeader"].StringValue; trace != nil {
		m.trace = *trace
	}
	q.add(m)
	s.notify()
	return sendOut{
		ID: in.ID, MessageID: m.id, MD5: m.md5,
		MD5Attributes: md5OfAttributes(in.MessageAttributes), MD5System: md5OfAttributes(in.MessageSystemAttributes),
	}, nil
}

type sendBatchIn struct {
	QueueUrl string
	Entries  []sendIn
}

func (s *Server) sendMessageBatch(_ context.Context, in sendBatchIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.lookup(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, e := range in.Entries {
		total += size(e.MessageBody, e.MessageAttributes)
	}
	if total > 1<<20 {
		return nil, errBatchTooLong
	}
	return batch(in.Entries, func(e sendIn) string { return e.ID }, func(e sendIn) (sendOut, error) { return s.send(q, e) })
}

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// batch checks the batch as a whole, then runs its entries one by one; an entry
// that fails takes no other with it.
func batch[In, Out any](entries []In, id func(In) string, run func(In) (Out, error)) (any, error) {
	if len(entries) == 0 {
		return nil, errEmptyBatch
	}
	if len(entries) > 10 {
		return nil, errManyEntries
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if !entryID.MatchString(id(e)) {
			return nil, errEntryID
		}
		if seen[id(e)] {
			return nil, errSameIDs
		}
		seen[id(e)] = true
	}
	out := batchOut[Out]{Successful: []Out{}, Failed: []batchFailure{}}
	for _, e := range entries {
		done, err := run(e)
		var failure *apiError
		switch {
		case err == nil:
			out.Successful = append(out.Successful, done)
		case errors.As(err, &failure):
			out.Failed = append(out.Failed, failure.failed(id(e)))
		default:
			return nil, err
		}
	}
	return out, nil
}

type handleIn struct {
	QueueUrl          string
	ID                string `json:"Id"` // in a batch
	ReceiptHandle     string
	VisibilityTimeout *int
}

type handleBatchIn struct {
	QueueUrl string
	Entries  []handleIn
}

type idOut struct {
	ID string `json:"Id"`
}

func (s *Server) deleteMessage(_ context.Context, in handleIn) (any, error) {
	return s.one(in, (*Server).deleteEntry)
}

func (s *Server) deleteMessageBatch(_ context.Context, in handleBatchIn) (any, error) {
	return s.many(in, (*Server).deleteEntry)
}

func (s *Server) changeVisibility(_ context.Context, in handleIn) (any, error) {
	return s.one(in, (*Server).changeEntry)
}

func (s *Server) changeVisibilityBatch(_ context.Context, in handleBatchIn) (any, error) {
	return s.many(in, (*Server).changeEntry)
}

func (s *Server) one(in handleIn, run func(*Server, *queue, handleIn) error) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.lookup(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, run(s, q, in)
}

func (s *Server) many(in handleBatchIn, run func(*Server, *queue, handleIn) error) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.lookup(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return batch(in.Entries, func(e handleIn) string { return e.ID }, func(e handleIn) (idOut, error) { return idOut{e.ID}, run(s, q, e) })
}

func (s *Server) deleteEntry(q *queue, in handleIn) error { return s.delete(q, in.ReceiptHandle) }

func (s *Server) changeEntry(q *queue, in handleIn) error {
	seconds := 0
	if in.VisibilityTimeout != nil {
		seconds = *in.VisibilityTimeout
	}
	return s.changeOne(q, in.ReceiptHandle, seconds)
}
