package world

import (
	"context"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// Empty makes an end of every job, sandbox and message.
func (s *System) Empty(ctx context.Context) error {
	for _, sandbox := range s.E2B.Sandboxes() {
		if sandbox.State != e2bsim.StateGone {
			_ = s.E2B.Vanish(ctx, sandbox.ID) // gone meanwhile is as good
		}
	}
	s.DropMessages()
	s.Forget()
	return s.Postgres.Empty(ctx)
}

// DropMessages loses what lies in every queue.
func (s *System) DropMessages() {
	for _, queue := range s.Queues() {
		for _, m := range s.SQS.Messages(queue) {
			s.SQS.Remove(queue, m.ID)
		}
	}
}

// DeliverAll delivers what both queues hold, and what comes of it, until nothing
// can be received now.
func (s *System) DeliverAll(ctx context.Context) error {
	for {
		total := 0
		for _, function := range []string{"build", "pause"} {
			n, err := s.Deliver(ctx, function)
			if err != nil {
				return err
			}
			total += n
		}
		if total == 0 {
			return nil
		}
	}
}

// Sweep runs reconcile once.
func (s *System) Sweep(ctx context.Context) error {
	_, err := s.Reconcile.Trigger(ctx)
	return err
}

// Pass lets d pass on every clock.
func (s *System) Pass(ctx context.Context, d time.Duration) error {
	if err := s.Postgres.Advance(ctx, d); err != nil {
		return err
	}
	s.SQS.Advance(d)
	return s.E2B.Advance(ctx, d)
}

// Jobs are all jobs there are.
func (s *System) Jobs(ctx context.Context) ([]job.Job, error) {
	const most = 1000
	return s.Store.Changed(ctx, time.Time{}, "", most)
}
