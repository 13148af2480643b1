// Package eventsource calls functions on their own account: for the messages of
// a queue, as Lambda's event source mapping for SQS does, and on a schedule, as
// EventBridge Scheduler does.
//
// It owns batches, their outcomes and the schedule's clock. It knows neither the
// queue's implementation nor how a function runs.
package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Invoke calls a function. A function that failed has a functionError; err is
// for a call that did not take place.
type Invoke func(ctx context.Context, function string, payload []byte) (response []byte, functionError string, err error)

// Queue is an SQS queue.
type Queue interface {
	// Receive takes up to most messages, at most 10, waiting up to wait for the
	// first.
	Receive(ctx context.Context, most int, wait time.Duration) ([]events.SQSMessage, error)
	// Delete deletes messages by their receipt handles.
	Delete(ctx context.Context, handles []string) error
}

// Mapping joins a queue to a function.
type Mapping struct {
	Queue    Queue
	Function string
	Invoke   Invoke

	BatchSize      int           // 1 to 10,000; default 10
	Window         time.Duration // how long to gather a batch that is not full; default 0
	MaxConcurrency int           // batches at once; default 5
	PartialBatch   bool          // ReportBatchItemFailures

	// Report, if set, is told why a batch or a poll failed. The messages become
	// visible again by their visibility timeout, and by nothing else.
	Report func(error)
}

const (
	longPoll = 20 * time.Second
	// maxReceive is what one receive takes at the most.
	maxReceive = 10
	// maxBatch leaves room in Lambda's 6 MB for what surrounds the records.
	maxBatch = 6_000_000
	// pollPause is the wait after a receive that failed.
	pollPause = time.Second
	// deleteLimit bounds the deletion of a batch that was handled.
	deleteLimit = 10 * time.Second
)

// Run polls until ctx ends, then waits for the batches under way. These are
// invoked with a context that ctx does not end: what was begun is finished.
func (m Mapping) Run(ctx context.Context) {
	if m.BatchSize == 0 {
		m.BatchSize = maxReceive
	}
	if m.MaxConcurrency == 0 {
		m.MaxConcurrency = 5
	}
	slots := make(chan struct{}, m.MaxConcurrency)
	var wait sync.WaitGroup
	defer wait.Wait()
	for {
		// A message is taken only when somebody is free for it, or it would lose
		// a receive and its visibility while it waits here.
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		batch, err := m.gather(ctx)
		if err != nil && ctx.Err() == nil {
			m.report(fmt.Errorf("poll for %s: %w", m.Function, err))
			pause(ctx, pollPause)
		}
		if len(batch) == 0 {
			<-slots
			continue
		}
		wait.Go(func() {
			defer func() { <-slots }()
			for _, part := range split(batch, maxBatch) {
				m.handle(context.WithoutCancel(ctx), part)
			}
		})
	}
}

// Once handles the messages of one receive, without waiting for any, and returns
// how many there were.
func (m Mapping) Once(ctx context.Context) (int, error) {
	if m.BatchSize == 0 {
		m.BatchSize = maxReceive
	}
	batch, err := m.Queue.Receive(ctx, min(m.BatchSize, maxReceive), 0)
	if err != nil {
		return 0, fmt.Errorf("poll for %s: %w", m.Function, err)
	}
	if len(batch) > 0 {
		m.handle(context.WithoutCancel(ctx), batch)
	}
	return len(batch), nil
}

// gather receives a batch: the first messages as soon as there are any, and more
// until the batch is full or the window over.
func (m Mapping) gather(ctx context.Context) ([]events.SQSMessage, error) {
	batch, err := m.Queue.Receive(ctx, min(m.BatchSize, maxReceive), longPoll)
	if err != nil || len(batch) == 0 || m.Window == 0 {
		return batch, err
	}
	windowed, cancel := context.WithTimeout(ctx, m.Window)
	defer cancel()
	for len(batch) < m.BatchSize {
		more, err := m.Queue.Receive(windowed, min(m.BatchSize-len(batch), maxReceive), longPoll)
		if err != nil { // the window is over; what it holds goes out
			break
		}
		batch = append(batch, more...)
	}
	return batch, nil
}

// split cuts a batch so that no part's records are over limit bytes of JSON.
func split(batch []events.SQSMessage, limit int) (parts [][]events.SQSMessage) {
	from, used := 0, 0
	for i, record := range batch {
		encoded, _ := json.Marshal(record) // strings always marshal
		if i > from && used+len(encoded) > limit {
			parts = append(parts, batch[from:i])
			from, used = i, 0
		}
		used += len(encoded)
	}
	return append(parts, batch[from:])
}

// handle invokes the function for a batch and deletes what it handled.
func (m Mapping) handle(ctx context.Context, batch []events.SQSMessage) {
	payload, err := json.Marshal(events.SQSEvent{Records: batch})
	if err != nil {
		m.report(fmt.Errorf("encode batch for %s: %w", m.Function, err))
		return
	}
	response, functionError, err := m.Invoke(ctx, m.Function, payload)
	if err == nil && functionError != "" {
		err = fmt.Errorf("%w: %s", ErrFunction, response)
	}
	var failed []string
	if err == nil && m.PartialBatch {
		failed, err = failures(response, batch)
	}
	if err != nil {
		m.report(fmt.Errorf("invoke %s for %d messages: %w", m.Function, len(batch), err))
		return
	}
	var handles []string
	for _, record := range batch {
		if !slices.Contains(failed, record.MessageId) {
			handles = append(handles, record.ReceiptHandle)
		}
	}
	if len(handles) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, deleteLimit)
	defer cancel()
	if err := m.Queue.Delete(ctx, handles); err != nil {
		m.report(fmt.Errorf("delete messages that %s handled: %w", m.Function, err))
	}
}

var (
	// ErrFunction: the function failed; the whole batch comes again.
	ErrFunction = errors.New("function failed")
	// ErrResponse: the function's batch response cannot be understood; the whole
	// batch comes again.
	ErrResponse = errors.New("bad batch response")
)

// failures reads a batch response: the ids of the messages that failed. An empty
// response and null are full success. A response that Lambda does not understand,
// such as one with an id that is not in the batch, is an error: all have failed.
// (Lambda developer guide, "Handling errors for an SQS event source".)
func failures(response []byte, batch []events.SQSMessage) ([]string, error) {
	if len(response) == 0 {
		return nil, nil
	}
	var told *struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(response, &told); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	if told == nil {
		return nil, nil
	}
	var ids []string
	for _, f := range told.Failures {
		if f.ID == nil || !slices.ContainsFunc(batch, func(r events.SQSMessage) bool { return r.MessageId == *f.ID }) {
			return nil, fmt.Errorf("%w: it names a message that is not in the batch", ErrResponse)
		}
		ids = append(ids, *f.ID)
	}
	return ids, nil
}

func (m Mapping) report(err error) {
	if m.Report != nil {
		m.Report(err)
	}
}

// pause waits, or less if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
