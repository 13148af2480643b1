package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/local/e2bsim"
	"siesta/local/eventsource"
	"siesta/local/runtimeapi"
	"siesta/local/sqssim"
	"siesta/local/stack"
	"siesta/shared/job"
	"siesta/shared/sqs"
)

// delivery is what SQS and its poller take beyond the local queue's time. With
// it one hop takes the 16 ms that are the median of a standard queue:
// bitesizedserverless.com/bite/serverless-messaging-latency-compared.
const delivery = 14 * time.Millisecond

// late is a queue whose messages arrive after the time of delivery.
type late struct{ *sqssim.Queue }

func (q late) Receive(ctx context.Context, most int, wait time.Duration) ([]events.SQSMessage, error) {
	batch, err := q.Queue.Receive(ctx, most, wait)
	if len(batch) > 0 {
		time.Sleep(delivery)
	}
	return batch, err
}

// processes makes sandboxes that run this program as their app.
func (b *bench) processes(c *e2bsim.Config) { c.Backend = e2bsim.Processes{Files: []string{b.self}} }

// poll joins queues to functions until stop is called.
func poll(ctx context.Context, mappings ...eventsource.Mapping) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	for _, m := range mappings {
		wait.Go(func() { m.Run(ctx) })
	}
	return func() { cancel(); wait.Wait() }
}

func (s *system) mapping(queue eventsource.Queue, function string) eventsource.Mapping {
	return eventsource.Mapping{Queue: queue, Function: function, Invoke: s.Invoke, BatchSize: 1, PartialBatch: true,
		Report: func(err error) { s.lines.Add(err.Error()) }}
}

// hop holds the time from READY in the database to the pause call at E2B, with
// all processes warm, against that from sending a message to a function's first
// line.
func (b *bench) hop(ctx context.Context) ([]row, error) {
	s, err := b.open(ctx, func(c *stack.Config) { c.E2B = b.processes })
	if err != nil {
		return nil, err
	}
	defer s.Close()
	const queue = "HopQueue"
	if _, err := s.SQS.CreateQueue(queue, nil); err != nil {
		return nil, err
	}
	if err := s.Runtime.Register(runtimeapi.Function{Name: "hop", Path: b.bootstrap("hop")}); err != nil {
		return nil, err
	}
	began, asked := make(chan time.Time, 1), make(chan time.Time, 1)
	end := s.mapping(late{s.SQS.Queue(queue)}, "hop")
	end.PartialBatch = false
	end.Invoke = func(ctx context.Context, function string, payload []byte) ([]byte, string, error) {
		answer, failed, err := s.Invoke(ctx, function, payload)
		var at time.Time
		if err == nil && json.Unmarshal(answer, &at) == nil {
			tell(began, at)
		}
		return answer, failed, err
	}
	s.E2B.Observe(func(c e2bsim.Call) {
		if c.Kind == e2bsim.Pause && c.Phase == e2bsim.Received {
			tell(asked, time.Now())
		}
	})
	pool, err := pgxpool.New(ctx, s.DatabaseURL)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, noteCommits); err != nil {
		return nil, fmt.Errorf("note commits: %w", err)
	}
	defer poll(ctx, end, s.mapping(s.SQS.Queue("BuildQueue"), "build"), s.mapping(late{s.SQS.Queue("PauseQueue")}, "pause"))()

	var floor, pause sample
	for i := range b.rounds + 1 {
		sent := time.Now()
		if err := s.sqs.Queue(s.SQS.URL(queue), "").SendPause(ctx, sqs.PauseMessage{JobID: job.NewID(), SandboxID: "i1"}, 0); err != nil {
			return nil, err
		}
		at, err := s.await(ctx, began)
		if err != nil {
			return nil, err
		}
		took, err := s.readyToPause(ctx, pool, b.request(""), asked)
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first round starts the processes
			floor, pause = append(floor, at.Sub(sent)), append(pause, took)
		}
	}
	return []row{times("READY committed to pause requested", pause, floor, 1.2, fmt.Sprintf(
		"on both sides %s of it stand for SQS's own delivery; without: %s against %s",
		short(delivery), short(pause.median()-delivery), short(floor.median()-delivery)))}, nil
}

// noteCommits has the database note the moment at which a READY is committed:
// a deferred trigger runs when all that is left of its transaction is to make
// it last.
const noteCommits = `
	CREATE TABLE ready_commits (id uuid, at timestamptz);
	CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO ready_commits VALUES (NEW.id, clock_timestamp());
		RETURN NULL;
	END $$;
	CREATE CONSTRAINT TRIGGER note_commit AFTER UPDATE ON jobs DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW WHEN (NEW.status = 'ready' AND OLD.status <> 'ready') EXECUTE FUNCTION note_commit();`

// readyToPause builds an app and returns the time between its two moments.
func (s *system) readyToPause(ctx context.Context, pool *pgxpool.Pool, request job.Request, asked <-chan time.Time) (time.Duration, error) {
	id, err := s.submit(ctx, request)
	if err != nil {
		return 0, err
	}
	at, err := s.await(ctx, asked)
	if err != nil {
		return 0, err
	}
	var committed time.Time
	if err := pool.QueryRow(ctx, "SELECT at FROM ready_commits WHERE id = $1::uuid", id).Scan(&committed); err != nil {
		return 0, fmt.Errorf("read commit of job %s: %w", id, err)
	}
	j, err := s.store.Get(ctx, id)
	if err != nil {
		return 0, err
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.SQS.Wait(wait, "PauseQueue", func(n sqssim.Stats) bool { return n.Total() == 0 }); err != nil {
		return 0, s.failed("finish pause: %w", err)
	}
	return at.Sub(committed), s.E2B.Vanish(ctx, j.SandboxID)
}

// patience is how long anything may take that happens by itself.
const patience = time.Minute

// tell leaves a moment for await; a second one, of a redelivery, is dropped.
func tell(c chan<- time.Time, at time.Time) {
	select {
	case c <- at:
	default:
	}
}

// await returns what comes of c.
func (s *system) await(ctx context.Context, c <-chan time.Time) (time.Time, error) {
	select {
	case at := <-c:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	case <-time.After(patience):
		return time.Time{}, s.failed("nothing came within %s", patience)
	}
}

// submit enqueues a job by its build message alone.
func (s *system) submit(ctx context.Context, request job.Request) (id string, err error) {
	text, err := json.Marshal(request)
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	id = job.NewID()
	return id, s.sqs.Queue(s.BuildQueueURL, "").SendBuild(ctx, sqs.BuildMessage{JobID: id, UserID: "bench", Request: text}, 0)
}
