package sqs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/shared/logging"
)

// startMargin before its deadline a batch starts no further record.
const startMargin = 10 * time.Second

// What a failed message waits for, unless its error says otherwise: twice as
// long after each delivery.
const (
	firstBackoff = 5 * time.Second
	maxBackoff   = 110 * time.Second
)

// Record is one received message.
type Record struct {
	MessageID     string
	ReceiptHandle string
	Body          string
	Correlation   string // of the message; its own id if it has none
	ReceiveCount  int    // deliveries so far, this one included
}

func newRecord(m events.SQSMessage) Record {
	r := Record{MessageID: m.MessageId, ReceiptHandle: m.ReceiptHandle, Body: m.Body, Correlation: m.MessageId}
	if a, ok := m.MessageAttributes[correlationAttribute]; ok && a.StringValue != nil && *a.StringValue != "" {
		r.Correlation = *a.StringValue
	}
	r.ReceiveCount, _ = strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	return r
}

// Batch is how the messages of an event are handled.
type Batch struct {
	Concurrency int // messages at a time
	// Hide is how long a message stays invisible from the moment that its
	// handling begins; 0 leaves it to the queue. A function that is killed then
	// gets its message back after Hide, not after the queue's longer time.
	Hide time.Duration
}

// HandleBatch runs handle for each message of an event that q delivered, and
// answers which of them are to come again. Each has a result of its own, a
// panic included; what does not fit in before the context's deadline is to come
// again. Each log line carries its message's correlation and its job. The error
// is always nil: with one, Lambda would take the whole batch for failed.
func (q *Queue) HandleBatch(ctx context.Context, event events.SQSEvent, batch Batch,
	handle func(context.Context, Record) error) (events.SQSEventResponse, error) {
	failed := make([]bool, len(event.Records))
	slots := make(chan struct{}, max(batch.Concurrency, 1))
	var wg sync.WaitGroup
	for i, m := range event.Records {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			r := newRecord(m)
			ctx := WithCorrelation(ctx, r.Correlation)
			if id := jobOf(r.Body); id != "" {
				ctx = logging.With(ctx, "job_id", id)
			}
			hidden := q.hide(ctx, r, batch.Hide)
			err := attempt(ctx, r, handle)
			<-hidden // settle sets the visibility too, and its value must come last
			failed[i] = !q.settle(ctx, r, err)
		})
	}
	wg.Wait()

	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, m := range event.Records {
		if failed[i] {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return response, nil
}

// hide makes a message invisible for d, beside its handling. The channel is
// closed when that is done, or has failed: then the queue's own time counts.
func (q *Queue) hide(ctx context.Context, r Record, d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	if d == 0 {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		if err := q.changeVisibility(ctx, r.ReceiptHandle, d); err != nil {
			slog.WarnContext(ctx, "message keeps its visibility", "message_id", r.MessageID, "error", err)
		}
	}()
	return done
}

var errNoTime = errors.New("no time left in this invocation")

// attempt runs handle, if there is time for it, and makes a panic an error.
func attempt(ctx context.Context, r Record, handle func(context.Context, Record) error) (err error) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < startMargin {
		return &RetryAfter{Err: errNoTime}
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return handle(ctx, r)
}

// settle carries out what the table says about err, and reports whether the
// message is done with. It also works when the context has ended.
func (q *Queue) settle(ctx context.Context, r Record, err error) (done bool) {
	ctx = context.WithoutCancel(ctx)
	log := slog.With("message_id", r.MessageID, "receive_count", r.ReceiveCount)
	fate := decide(err)
	if fate == deadLetter {
		if sendErr := q.toDeadLetters(ctx, r, err.Error()); sendErr != nil {
			log.ErrorContext(ctx, "message cannot be dead-lettered now", "error", errors.Join(err, sendErr))
			fate, err = retry, sendErr
		}
	}
	switch fate {
	case deadLetter:
		log.ErrorContext(ctx, "message dead-lettered", "error", err)
		return true
	case acknowledge:
		if err != nil {
			log.InfoContext(ctx, "message acknowledged", "reason", err)
		}
		return true
	}
	delay := Backoff(r.ReceiveCount)
	var after *RetryAfter
	if errors.As(err, &after) {
		delay = after.Delay
	}
	log.WarnContext(ctx, "message will come again", "error", err, "delay_seconds", delay.Seconds())
	if err := q.changeVisibility(ctx, r.ReceiptHandle, delay); err != nil {
		log.WarnContext(ctx, "message will come again only when its visibility ends", "error", err)
	}
	return false
}

// Backoff is what a failed message waits for after so many deliveries. It has a
// random part, so that messages that failed together do not come back together.
func Backoff(receiveCount int) time.Duration {
	d := firstBackoff << min(max(receiveCount-1, 0), 8)
	d = min(d, maxBackoff)
	return d/2 + rand.N(d/2)
}
