package race

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/client"
	"siesta/shared/job"
)

// actor is somebody who may have something to do now.
func (h *history) actor() actor {
	var actors []actor
	add := func(times int, a actor) {
		for range times {
			actors = append(actors, a)
		}
	}
	for _, function := range []string{"build", "pause"} {
		if h.SQS.Stats(queueOf[function]).Visible > 0 {
			add(4, h.delivery(function))
		}
	}
	if len(h.received) > 0 {
		d := pick(h.random, h.received)
		add(2, actor{name: "duplicate", function: d.function, do: func(ctx context.Context) error { return h.invoke(ctx, d) }})
	}
	if h.preview {
		add(4, h.user(client.Resume))
	}
	add(1, h.user(client.Resume))
	add(1, h.user(client.Snapshot))
	if h.iterates {
		add(2, h.change())
		add(1, h.cancelIteration())
	}
	add(1, actor{name: "schedule", function: "reconcile", do: func(ctx context.Context) error {
		_ = h.Sweep(ctx) // it may have died
		return nil
	}})
	switch n := h.random.IntN(30); {
	case n == 0:
		return actor{name: "E2B's time is up", do: h.TimeOut}
	case n == 1 && !h.preview:
		h.ended[h.id] = true
		return h.ask(h.id, client.Cancel)
	case n == 2 && h.iterates:
		return h.remove()
	}
	return pick(h.random, actors)
}

func (h *history) user(verb client.Verb) actor { return h.ask(pick(h.random, h.jobs).ID, verb) }

func (h *history) ask(id string, verb client.Verb) actor {
	return actor{name: "user", function: string(verb), do: func(ctx context.Context) error {
		h.Excuse(job.OpTime) // a wake may be shared, and the last one die
		return h.Ask(ctx, id, verb)
	}}
}

// delivery is a message on its way to a function.
type delivery struct {
	function string
	event    events.SQSEvent
}

var queueOf = map[string]string{"build": "BuildQueue", "pause": "PauseQueue"}

// delivery delivers what a queue has now; that is noted, so that it can come
// again later.
func (h *history) delivery(function string) actor {
	return actor{name: "message", function: function, do: func(ctx context.Context) error {
		messages, err := h.SQS.Queue(queueOf[function]).Receive(ctx, 1, 0)
		if err != nil || len(messages) == 0 {
			return err
		}
		d := delivery{function, events.SQSEvent{Records: messages}}
		h.remember(d)
		return h.invoke(ctx, d)
	}}
}

func (h *history) remember(d delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.received = append(h.received, d)
}

// invoke gives a function a message, which is deleted if it was handled.
func (h *history) invoke(ctx context.Context, d delivery) error {
	payload, err := json.Marshal(d.event)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	answer, failed, err := h.Invoke(ctx, d.function, payload)
	if err != nil || failed != "" {
		return err
	}
	var response events.SQSEventResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		return fmt.Errorf("decode answer of %s: %w", d.function, err)
	}
	if len(response.BatchItemFailures) > 0 {
		return nil
	}
	return h.SQS.Queue(queueOf[d.function]).Delete(ctx, []string{d.event.Records[0].ReceiptHandle})
}
