package sqssim

import (
	"context"

	"siesta/shared/job"
)

type moveTask struct {
	handle, source, destination, status, reason string
	moved, found                                int
	startedMs                                   int64
}

type moveIn struct{ SourceArn, DestinationArn string }

// startMoveTask moves what is visible in a dead-letter queue back, at once and
// as new messages, as SQS does. A message that was sent straight into it has no
// source: it stays, unless a destination is named.
func (s *Server) startMoveTask(_ context.Context, in moveIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	source, err := s.byARN(in.SourceArn)
	if err != nil {
		return nil, err
	}
	dead := false
	for _, q := range s.queues {
		dead = dead || q.policy.target == source.name
	}
	if !dead {
		return nil, invalid("Source queue must be configured as a Dead Letter Queue.")
	}
	if in.DestinationArn != "" {
		if _, err := s.byARN(in.DestinationArn); err != nil {
			return nil, err
		}
	}
	now := s.now()
	task := moveTask{handle: job.NewID(), source: in.SourceArn, destination: in.DestinationArn, status: "COMPLETED", startedMs: now.UnixMilli()}
	for _, m := range source.visible(now) {
		task.found++
		target := m.sourceARN
		if in.DestinationArn != "" {
			target = in.DestinationArn
		}
		q, err := s.byARN(target)
		if err != nil {
			task.status, task.reason = "FAILED", "CouldNotDetermineMessageSource"
			continue
		}
		source.remove(m)
		s.seq++
		q.add(&message{
			id: job.NewID(), body: m.body, md5: m.md5, attributes: m.attributes, trace: m.trace, group: m.group,
			sentAt: now, visibleAt: now, seq: s.seq,
		})
		task.moved++
	}
	s.tasks = append(s.tasks, task)
	s.notify()
	return map[string]string{"TaskHandle": task.handle}, nil
}

func (s *Server) listMoveTasks(_ context.Context, in moveIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.byARN(in.SourceArn); err != nil {
		return nil, err
	}
	results := []map[string]any{}
	for i := len(s.tasks) - 1; i >= 0 && len(results) < 10; i-- {
		t := s.tasks[i]
		if t.source != in.SourceArn {
			continue
		}
		r := map[string]any{
			"Status": t.status, "SourceArn": t.source, "StartedTimestamp": t.startedMs,
			"ApproximateNumberOfMessagesMoved": t.moved, "ApproximateNumberOfMessagesToMove": t.found,
		}
		if t.destination != "" {
			r["DestinationArn"] = t.destination
		}
		if t.reason != "" {
			r["FailureReason"] = t.reason
		}
		results = append(results, r)
	}
	return map[string]any{"Results": results}, nil
}
