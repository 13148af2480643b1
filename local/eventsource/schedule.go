package eventsource

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
)

// Schedule calls a function again and again, with the event that EventBridge
// Scheduler sends when a schedule has no input of its own.
type Schedule struct {
	Name     string
	Function string
	Invoke   Invoke
	Every    time.Duration // default one minute
	Region   string        // default us-east-1
	Report   func(error)   // told of each failure; nil drops them
}

// Run calls the function at each interval until ctx ends. A call that takes
// longer than an interval delays the next; none is queued up.
func (s Schedule) Run(ctx context.Context) {
	if s.Every == 0 {
		s.Every = time.Minute
	}
	ticker := time.NewTicker(s.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := s.Trigger(context.WithoutCancel(ctx)); err != nil && s.Report != nil {
			s.Report(err)
		}
	}
}

// Trigger calls the function now and returns its answer.
func (s Schedule) Trigger(ctx context.Context) ([]byte, error) {
	response, functionError, err := s.Invoke(ctx, s.Function, s.event(time.Now()))
	if err == nil && functionError != "" {
		err = fmt.Errorf("%w: %s", ErrFunction, response)
	}
	if err != nil {
		return nil, fmt.Errorf("run schedule %s: %w", s.Name, err)
	}
	return response, nil
}

func (s Schedule) event(now time.Time) []byte {
	if s.Region == "" {
		s.Region = "us-east-1"
	}
	event, _ := json.Marshal(map[string]any{ // strings always marshal
		"version": "0", "id": rand.Text(), "detail-type": "Scheduled Event", "source": "aws.scheduler",
		"account": "000000000000", "time": now.UTC().Format(time.RFC3339), "region": s.Region,
		"resources": []string{"arn:aws:scheduler:" + s.Region + ":000000000000:schedule/default/" + s.Name},
		"detail":    "{}", // a string, unlike a rule's
	})
	return event
}
