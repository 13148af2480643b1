package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"siesta/local/functiontest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/redis/redistest"
	"siesta/shared/sqs"
	"siesta/shared/sqs/sqstest"
)

const alice = functiontest.Alice

// bench is a handler on stores and a queue of its own.
type bench struct {
	handler
	*functiontest.Database
	queues *sqstest.Service
}

func setup(t *testing.T, redisURL string) bench {
	t.Helper()
	d, queues := functiontest.NewDatabase(t), sqstest.New(t)
	return bench{Database: d, queues: queues, handler: handler{
		log: slog.New(slog.DiscardHandler), store: d.Store, cache: functiontest.Cache(t, redisURL), pauses: queues.Queue(t, "pause"),
	}}
}

// job is a job of alice whose row has the assignments.
func (b bench) job(assignments string) job.Job {
	b.T.Helper()
	return b.Set(b.Accept(functiontest.NewJob()).ID, assignments)
}

// isReady is a preview that stays awake for a while, in its third epoch.
const isReady = `status = 'ready', completed_at = now(), lease_until = NULL, sandbox_id = 'i' || left(id::text, 8), epoch = 3,
	preview_url = 'https://3000-x.e2b.app', pause_due_at = now() + interval '10 minutes', sandbox_state = `

// call asks for a snapshot as the gateway does.
func (b bench) call(user, id string) (api.Response, map[string]any) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 15*time.Second) // the function's
	defer cancel()
	return functiontest.Call(ctx, b.T, api.Handle(b.log, b.serve), functiontest.JobRequest(user, id))
}

func TestARunningPreviewIsDueAtOnce(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.job(isReady + "'running'")
	resp, body := b.call(alice, j.ID)
	if resp.StatusCode != 202 || len(body) != 2 || body["job_id"] != j.ID || body["paused"] != false {
		t.Errorf("got %d %v", resp.StatusCode, body)
	}
	due := b.Row(j.ID)
	if due.PauseDueAt.After(due.ReadAt) || due.SandboxState != job.SandboxRunning || due.Epoch != 3 {
		t.Errorf("row = %+v", due)
	}
	if cached, ok, err := b.cache.Get(t.Context(), j.ID); err != nil || !ok || cached.Revision != due.Revision {
		t.Errorf("cached: %+v, %v, %v", cached, ok, err)
	}
	sent := b.queues.Sent("pause")
	if len(sent) != 1 || sent[0].Delay != 0 || sent[0].Correlation != "gateway-1" {
		t.Fatalf("sent %+v", sent)
	}
	m, err := sqs.DecodeReady(sent[0].Body)
	if err != nil || m.JobID != j.ID || m.SandboxID != j.SandboxID || m.Epoch != 3 || m.BuildVersion != j.BuildVersion || m.ReadyAt.IsZero() {
		t.Errorf("message = %+v, %v", m, err)
	}
}

func TestOtherStatesAreToldAndLeftAlone(t *testing.T) {
	b := setup(t, redistest.New(t))
	for name, tt := range map[string]struct {
		assignments string
		status      int
		answer      string // part of it
	}{
		"paused":   {isReady + "'paused', sandbox_paused = true, paused_at = now()", 200, `"paused":true`},
		"pausing":  {isReady + "'pausing', op_until = now() + interval '1 minute'", 202, `"paused":false`},
		"resuming": {isReady + "'resuming', op_until = now() + interval '1 minute'", 409, "resumed"},
		"gone":     {isReady + "'gone'", 503, "sandbox_expired"},
		"building": {"status = 'deps', sandbox_id = 'ib', sandbox_state = 'running'", 422, "READY"},
		"queued":   {"goal = goal", 422, "READY"},
		"failed":   {"status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'd'", 422, "READY"},
	} {
		j := b.job(tt.assignments)
		resp, body := b.call(alice, j.ID)
		if resp.StatusCode != tt.status || !strings.Contains(resp.Body, tt.answer) {
			t.Errorf("%s: got %d %s, want %d with %s", name, resp.StatusCode, resp.Body, tt.status, tt.answer)
		}
		if tt.status >= 400 && (body["detail"] == nil || body["debug_id"] == nil) {
			t.Errorf("%s: %v", name, body)
		}
		if tt.status == 409 && resp.Headers["Retry-After"] == "" {
			t.Errorf("%s: no Retry-After", name)
		}
		if after := b.Row(j.ID); after.Revision != j.Revision {
			t.Errorf("%s: the row was written", name)
		}
	}
	if sent := b.queues.Sent("pause"); len(sent) != 0 {
		t.Errorf("sent %+v", sent)
	}
}

func TestAMissingJobAForeignOneAndAMalformedIDAreAlike(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.job(isReady + "'running'")
	for name, tt := range map[string]struct {
		user, id string
		status   int
	}{
		"unknown": {alice, job.NewID(), 404}, "foreign": {"user_bob", j.ID, 404}, "malformed": {alice, "x", 404}, "nobody": {"", j.ID, 401},
	} {
		resp, body := b.call(tt.user, tt.id)
		if resp.StatusCode != tt.status || body["debug_id"] == nil || tt.status == 404 && body["detail"] != "Job not found" {
			t.Errorf("%s: %d %v", name, resp.StatusCode, body)
		}
	}
	if after := b.Row(j.ID); after.Revision != j.Revision || len(b.queues.Sent("pause")) != 0 {
		t.Error("somebody else's preview was asked to sleep")
	}
}

func TestWithoutQueueOrRedisThePauseIsStillDue(t *testing.T) {
	server := redistest.NewServer(t, redistest.Config{})
	b := setup(t, server.URL())
	server.Kill()
	b.queues.SetDown(true)
	j := b.job(isReady + "'running'")
	if resp, body := b.call(alice, j.ID); resp.StatusCode != 202 {
		t.Errorf("got %d %v", resp.StatusCode, body)
	}
	if due := b.Row(j.ID); due.PauseDueAt.After(due.ReadAt) { // where reconcile looks
		t.Errorf("due at %v", due.PauseDueAt)
	}
}

func TestWithoutPostgresItSaysSo(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.job(isReady + "'running'")
	if _, err := b.cache.Put(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	b.Proxy.Down()
	resp, body := b.call(alice, j.ID)
	if resp.StatusCode != 503 || !strings.Contains(fmt.Sprint(body["detail"]), "unavailable") || body["debug_id"] == nil {
		t.Errorf("got %d %v", resp.StatusCode, body)
	}
}

// The pause function takes the preview just before the row is written.
func TestAPauseThatBeganMeanwhileIsTold(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.job(isReady + "'running'")
	tx, err := b.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "UPDATE jobs SET sandbox_state = 'pausing', op_until = now() + interval '2 minutes', revision = revision + 1"); err != nil {
		t.Fatal(err)
	}
	done := make(chan api.Response)
	go func() {
		resp, _ := b.call(alice, j.ID)
		done <- resp
	}()
	for waiting := false; !waiting; { // for the row's lock
		err := b.Pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if resp := <-done; resp.StatusCode != 202 || len(b.queues.Sent("pause")) != 0 {
		t.Errorf("got %d %s, sent %v", resp.StatusCode, resp.Body, b.queues.Sent("pause"))
	}
}
