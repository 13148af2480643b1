package sqs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/shared/job"
	"siesta/shared/logging"
)

// event returns an event whose messages have the given bodies and the ids m0,
// m1 and so on.
func event(bodies ...string) events.SQSEvent {
	var e events.SQSEvent
	for i, body := range bodies {
		n := strconv.Itoa(i)
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: "m" + n, ReceiptHandle: "r" + n, Body: body,
			Attributes: map[string]string{"ApproximateReceiveCount": "1"},
		})
	}
	return e
}

// failures are the ids that a batch reports, after it was through JSON as
// Lambda sees it.
func failures(t *testing.T, response events.SQSEventResponse, err error) []string {
	t.Helper()
	if err != nil {
		t.Fatalf("batch failed as a whole: %v", err)
	}
	raw, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	var seen struct {
		Failures []struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(raw, &seen); err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, f := range seen.Failures {
		ids = append(ids, f.ID)
	}
	return ids
}

func TestBatchHasAResultForEachMessage(t *testing.T) {
	q, s := newQueue(t)
	response, err := q.HandleBatch(t.Context(), event("ok", "later", "panic", "bad", "soon", "odd"), Batch{Concurrency: 10},
		func(_ context.Context, r Record) error {
			switch r.Body {
			case "later":
				return fmt.Errorf("claim: %w", job.ErrLater)
			case "panic":
				panic("out of range")
			case "bad":
				return fmt.Errorf("%w: turn must not be negative", job.ErrBadMessage)
			case "soon":
				return &RetryAfter{Delay: 33 * time.Second, Err: job.ErrBadMessage}
			case "odd":
				return errors.New("something else")
			}
			return nil
		})
	if got, want := failures(t, response, err), []string{"m1", "m2", "m4", "m5"}; !slices.Equal(got, want) {
		t.Errorf("failures: got %v, want %v", got, want)
	}
	visibility := map[string]int{}
	for _, c := range s.of("ChangeMessageVisibility") {
		visibility[c.ReceiptHandle] = c.VisibilityTimeout
	}
	if len(visibility) != 4 || visibility["r4"] != 33 || visibility["r1"] < 2 || visibility["r1"] > 5 {
		t.Errorf("visibilities: got %v, want one for each failure, 33 for r4, 2 to 5 for r1", visibility)
	}
	dead := s.of("SendMessage")
	if len(dead) != 1 || dead[0].MessageBody != "bad" ||
		!strings.Contains(dead[0].MessageAttributes["reason"].StringValue, "turn must not be negative") {
		t.Errorf("dead-lettered: got %+v, want the bad one with its reason", dead)
	}
}

func TestBatchWithoutFailuresSaysSo(t *testing.T) {
	q, _ := newQueue(t)
	response, err := q.HandleBatch(t.Context(), event("a", "b"), Batch{Concurrency: 1}, func(context.Context, Record) error { return nil })
	if got := failures(t, response, err); len(got) != 0 || response.BatchItemFailures == nil {
		t.Errorf("failures: got %v (nil: %v), want an empty list", got, response.BatchItemFailures == nil)
	}
}

func TestMessageThatCannotBeDeadLetteredComesAgain(t *testing.T) {
	q, s := newQueue(t)
	s.setDown(true)
	response, err := q.HandleBatch(t.Context(), event("x"), Batch{Concurrency: 1}, func(context.Context, Record) error { return job.ErrForeign })
	if got := failures(t, response, err); !slices.Equal(got, []string{"m0"}) {
		t.Errorf("failures: got %v, want m0", got)
	}
}

func TestBatchNearItsDeadlineStartsNothing(t *testing.T) {
	q, s := newQueue(t)
	ctx, cancel := context.WithTimeout(t.Context(), startMargin/2)
	defer cancel()
	response, err := q.HandleBatch(ctx, event("a", "b"), Batch{Concurrency: 2}, func(context.Context, Record) error {
		t.Error("a handler was started")
		return nil
	})
	if got, want := failures(t, response, err), []string{"m0", "m1"}; !slices.Equal(got, want) {
		t.Errorf("failures: got %v, want %v", got, want)
	}
	for _, c := range s.of("ChangeMessageVisibility") {
		if c.VisibilityTimeout != 0 {
			t.Errorf("visibility of what was not started: got %d s, want 0", c.VisibilityTimeout)
		}
	}
}

func TestResultIsSettledAfterTheContextEnded(t *testing.T) {
	q, s := newQueue(t)
	ctx, cancel := context.WithCancel(t.Context())
	response, err := q.HandleBatch(ctx, event("a"), Batch{Concurrency: 1}, func(context.Context, Record) error {
		cancel()
		return job.ErrBadMessage
	})
	if got := failures(t, response, err); len(got) != 0 || len(s.of("SendMessage")) != 1 {
		t.Errorf("failures: got %v, dead-lettered %d, want none and 1", got, len(s.of("SendMessage")))
	}
}

func TestBatchRunsSideBySideUpToItsLimit(t *testing.T) {
	q, _ := newQueue(t)
	const limit = 3
	var running, most atomic.Int64
	full := make(chan struct{})
	response, err := q.HandleBatch(t.Context(), event("", "", "", "", "", ""), Batch{Concurrency: limit}, func(context.Context, Record) error {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == limit {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		<-full // each waits until the limit is reached
		return nil
	})
	if got := failures(t, response, err); len(got) != 0 || most.Load() != limit {
		t.Errorf("at a time: got %d, want %d; failures %v", most.Load(), limit, got)
	}
}

func TestHandlerGetsTheRecordAndItsCorrelation(t *testing.T) {
	q, _ := newQueue(t)
	e := event("with", "without")
	correlation := "c-9"
	e.Records[0].MessageAttributes = map[string]events.SQSMessageAttribute{"correlation_id": {StringValue: &correlation}}
	e.Records[0].Attributes["ApproximateReceiveCount"] = "4"
	response, err := q.HandleBatch(t.Context(), e, Batch{Concurrency: 1}, func(ctx context.Context, r Record) error {
		want := Record{"m0", "r0", "with", "c-9", 4}
		if r.Body == "without" {
			want = Record{"m1", "r1", "without", "m1", 1}
		}
		if r != want || Correlation(ctx) != want.Correlation {
			t.Errorf("got %+v under %q, want %+v", r, Correlation(ctx), want)
		}
		return nil
	})
	failures(t, response, err)
}

// Whatever becomes of a message, each line about it tells its job and what set
// it off, once.
func TestLinesTellTheJobAndTheCorrelation(t *testing.T) {
	const id = "7f1c0d9e-52a3-4b8e-9f60-1d2e3c4b5a69"
	for name, err := range map[string]error{"acknowledged": job.ErrTerminal, "again": job.ErrLater, "dead-lettered": job.ErrBadMessage} {
		t.Run(name, func(t *testing.T) {
			var w bytes.Buffer
			before := slog.Default()
			t.Cleanup(func() { slog.SetDefault(before) })
			slog.SetDefault(logging.New(&w, "info"))

			q, _ := newQueue(t)
			e := event(`{"version": 0, "job_id": "` + strings.ToUpper(id) + `"}`)
			correlation := "c-9"
			e.Records[0].MessageAttributes = map[string]events.SQSMessageAttribute{"correlation_id": {StringValue: &correlation}}
			_, _ = q.HandleBatch(t.Context(), e, Batch{}, func(ctx context.Context, _ Record) error {
				slog.InfoContext(ctx, "handled")
				return err
			})
			lines := strings.Split(strings.TrimSpace(w.String()), "\n")
			if len(lines) != 2 {
				t.Fatalf("%d lines, want the handler's and the decision's: %s", len(lines), &w)
			}
			for _, line := range lines {
				for _, want := range []string{`"job_id":"` + id + `"`, `"correlation_id":"c-9"`} {
					if strings.Count(line, want) != 1 {
						t.Errorf("%s: want %s in it, once", line, want)
					}
				}
			}
		})
	}
}

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	for count, most := range map[int]time.Duration{0: 5 * time.Second, 1: 5 * time.Second, 3: 20 * time.Second, 9: maxBackoff, 1000: maxBackoff} {
		for range 100 {
			if d := Backoff(count); d < most/2 || d > most {
				t.Fatalf("after %d deliveries: got %v, want %v to %v", count, d, most/2, most)
			}
		}
	}
}

// What is hidden for the time of its handling has its own delay afterwards.
func TestHideComesBeforeTheDecision(t *testing.T) {
	q, s := newQueue(t)
	response, err := q.HandleBatch(t.Context(), event("ok", "soon"), Batch{Concurrency: 1, Hide: 110 * time.Second},
		func(_ context.Context, r Record) error {
			if r.Body == "soon" {
				return &RetryAfter{Delay: 7 * time.Second, Err: job.ErrLater}
			}
			return nil
		})
	failures(t, response, err)
	visibility := map[string][]int{}
	for _, c := range s.of("ChangeMessageVisibility") {
		visibility[c.ReceiptHandle] = append(visibility[c.ReceiptHandle], c.VisibilityTimeout)
	}
	if !slices.Equal(visibility["r0"], []int{110}) || !slices.Equal(visibility["r1"], []int{110, 7}) {
		t.Errorf("visibilities: got %v, want 110 for r0, 110 then 7 for r1", visibility)
	}
}
