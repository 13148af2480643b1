package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/stack"
	"siesta/shared/sqs"
)

// pause holds the pause function on one message against the bare call, and on
// ten messages against one. Its time is what is billed of a warm process.
func (b *bench) pause(ctx context.Context) ([]row, error) {
	s, err := b.open(ctx, func(c *stack.Config) { c.E2B = idle })
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var bare, one, ten sample
	for i := range b.rounds + 1 {
		floor, err := s.barePause(ctx)
		if err != nil {
			return nil, err
		}
		single, err := s.pauses(ctx, 1)
		if err != nil {
			return nil, err
		}
		batch, err := s.pauses(ctx, 10)
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first round starts the process and opens the connections
			bare, one, ten = append(bare, floor), append(one, single), append(ten, batch)
		}
	}
	note := ""
	for _, bill := range s.Runtime.Bills() {
		if bill.Function == "pause" {
			note = fmt.Sprintf("the process's memory was %d MB at most", bill.MaxMemory>>20)
		}
	}
	return []row{
		plus("pause, one message", one, bare, 10*time.Millisecond, note),
		times("pause, batch of 10", ten, one, 1.2, ""),
	}, nil
}

// barePause pauses a sandbox by the one call that it takes.
func (s *system) barePause(ctx context.Context) (time.Duration, error) {
	j, err := s.ready(ctx)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.E2BAPIURL+"/sandboxes/"+j.SandboxID+"/pause", strings.NewReader("{}"))
	if err != nil {
		return 0, fmt.Errorf("pause: %w", err)
	}
	req.Header.Set("X-API-Key", s.E2BAPIKey)
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("pause: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return 0, fmt.Errorf("pause: %s", resp.Status)
	}
	return took, nil
}

// pauses lets the function put n sandboxes to sleep, by one batch of messages.
func (s *system) pauses(ctx context.Context, n int) (time.Duration, error) {
	var ids []string
	for range n {
		j, err := s.ready(ctx)
		if err != nil {
			return 0, err
		}
		ids = append(ids, j.ID)
		m := sqs.Pause(j)
		if err := s.sqs.Queue(s.PauseQueueURL, "").SendPause(ctx, m, 0); err != nil {
			return 0, err
		}
	}
	records, err := s.SQS.Queue("PauseQueue").Receive(ctx, 10, 0)
	if err != nil || len(records) != n {
		return 0, fmt.Errorf("receive %d messages: got %d: %w", n, len(records), err)
	}
	event, err := json.Marshal(events.SQSEvent{Records: records})
	if err != nil {
		return 0, fmt.Errorf("encode event: %w", err)
	}
	result, err := s.Runtime.Invoke(ctx, "pause", event)
	if err != nil {
		return 0, err
	}
	if string(result.Payload) != `{"batchItemFailures":[]}` {
		return 0, s.failed("pause %d sandboxes: %s", n, result.Payload)
	}
	for i, id := range ids {
		j, err := s.store.Get(ctx, id)
		if err != nil {
			return 0, err
		}
		if !j.SandboxPaused {
			return 0, s.failed("sandbox %d of %d is %s", i+1, n, j.SandboxState)
		}
		s.SQS.Remove("PauseQueue", records[i].MessageId)
	}
	return result.Duration, nil
}
