package sqssim

import (
	"context"
	"fmt"
	"time"

	"siesta/shared/job"
)

type sendIn struct {
	QueueUrl                string
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attribute
	MessageSystemAttributes map[string]attribute
	MessageGroupID          string `json:"MessageGroupId"`
}

type sendOut struct {
	MessageID     string `json:"MessageId"`
	MD5           string `json:"MD5OfMessageBody"`
	MD5Attributes string `json:"MD5OfMessageAttributes,omitempty"`
	MD5System     string `json:"MD5OfMessageSystemAttributes,omitempty"`
}

func (s *Server) sendMessage(_ context.Context, in sendIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.lookup(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if bad := checkBody(in.MessageBody); bad != nil {
		return nil, bad
	}
	if bad := checkAttributes(in.MessageAttributes); bad != nil {
		return nil, bad
	}
	if most := q.number("MaximumMessageSize"); size(in.MessageBody, in.MessageAttributes) > most {
		return nil, invalid(fmt.Sprintf("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", most))
	}
	delay := q.number("DelaySeconds")
	if in.DelaySeconds != nil {
		delay = *in.DelaySeconds
	}
	if delay < 0 || delay > 900 {
		return nil, invalid(fmt.Sprintf("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", delay))
	}
	s.seq++
	now := s.now()
	m := &message{
		id: job.NewID(), body: in.MessageBody, md5: md5Of(in.MessageBody), attributes: in.MessageAttributes,
		group: in.MessageGroupID, sentAt: now, visibleAt: now.Add(time.Duration(delay) * time.Second), seq: s.seq,
	}
	if trace := in.MessageSystemAttributes["AWSTraceHeader"].StringValue; trace != nil {
		m.trace = *trace
	}
	q.add(m)
	s.notify()
	return sendOut{
		MessageID: m.id, MD5: m.md5,
		MD5Attributes: md5OfAttributes(in.MessageAttributes), MD5System: md5OfAttributes(in.MessageSystemAttributes),
	}, nil
}

type handleIn struct {
	QueueUrl          string
	ReceiptHandle     string
	VisibilityTimeout int
}

func (s *Server) deleteMessage(_ context.Context, in handleIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.lookup(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.delete(q, in.ReceiptHandle)
}

func (s *Server) changeVisibility(_ context.Context, in handleIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.lookup(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.changeOne(q, in.ReceiptHandle, in.VisibilityTimeout)
}
