package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/sqs"
)

const (
	alice = functiontest.Alice
	route = "POST /api/generation/{job_id}/snapshot"
)

// awake is how long a preview of these tests would stay so.
const awake = 10 * time.Minute

// fixture is a handler on stores and a queue of its own.
type fixture struct {
	handler
	*functiontest.World
}

func setup(t *testing.T, redisURL string) fixture {
	t.Helper()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Idle{}})
	w.Cache = functiontest.Cache(t, redisURL)
	return fixture{World: w, handler: handler{
		log: slog.New(slog.DiscardHandler), store: w.Store, pauses: w.Queue("pause"),
	}}
}

// call asks for a snapshot as the gateway does.
func (b fixture) call(user, id string) (api.Response, map[string]any) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 15*time.Second) // the function's
	defer cancel()
	return functiontest.Call(ctx, b.T, api.Handle(b.log, b.serve), functiontest.JobRequest(route, user, id))
}

func TestARunningPreviewIsDueAtOnce(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.Set(b.Ready(awake).ID, "epoch = 3")
	resp, body := b.call(alice, j.ID)
	if resp.StatusCode != 202 || len(body) != 2 || body["job_id"] != j.ID || body["paused"] != false {
		t.Errorf("got %d %v", resp.StatusCode, body)
	}
	due := b.Row(j.ID)
	if due.PauseDueAt.After(due.ReadAt) || due.SandboxState != job.SandboxRunning || due.Epoch != 3 {
		t.Errorf("row = %+v", due)
	}
	if cached, ok, err := b.Cache.Get(t.Context(), j.ID); err != nil || !ok || cached.Revision != due.Revision {
		t.Errorf("cached: %+v, %v, %v", cached, ok, err)
	}
	sent := b.SQS.Messages("pause")
	if len(sent) != 1 || !sent[0].VisibleAt.Equal(sent[0].SentAt) || sent[0].Attributes["correlation_id"] != "gateway-1" {
		t.Fatalf("sent %+v", sent)
	}
	m, err := sqs.DecodePause(sent[0].Body)
	if err != nil || m.JobID != j.ID || m.SandboxID != j.SandboxID || m.Epoch != 3 || m.BuildVersion != j.BuildVersion || m.ReadyAt.IsZero() {
		t.Errorf("message = %+v, %v", m, err)
	}
}

func TestOtherStatesAreToldAndLeftAlone(t *testing.T) {
	b := setup(t, redistest.New(t))
	accepted := func() job.Job { return b.Accept(functiontest.NewJob()) }
	pausing := b.Ready(0)
	b.Must(b.Rows.TakePause(t.Context(), pausing.ID, pausing.Epoch))
	for name, tt := range map[string]struct {
		id     string
		status int
		answer string // part of it
	}{
		"paused":   {b.Pause(b.Ready(0)).ID, 200, `"paused":true`},
		"pausing":  {pausing.ID, 202, `"paused":false`},
		"resuming": {b.Must(b.Rows.TakeResume(t.Context(), b.Pause(b.Ready(0)), jobs.Wake{Time: awake})).ID, 409, "resumed"},
		"gone":     {b.Set(b.Ready(awake).ID, "sandbox_state = 'gone'").ID, 503, "sandbox_expired"},
		"copied":   {b.Set(b.Ready(awake).ID, "sandbox_stack = 'original'").ID, 503, "sandbox_unreachable"},
		"building": {b.Building(accepted()).ID, 422, "READY"},
		"queued":   {accepted().ID, 422, "READY"},
		"failed":   {b.Must(b.Rows.Cancel(t.Context(), accepted().ID, "x", "d")).ID, 422, "READY"},
	} {
		j := b.Row(tt.id)
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
	if sent := b.SQS.Messages("pause"); len(sent) != 0 {
		t.Errorf("sent %+v", sent)
	}
}

func TestAMissingJobAForeignOneAndAMalformedIDAreAlike(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.Ready(awake)
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
	if after := b.Row(j.ID); after.Revision != j.Revision || len(b.SQS.Messages("pause")) != 0 {
		t.Error("somebody else's preview was asked to sleep")
	}
}

func TestWithoutQueueOrRedisThePauseIsStillDue(t *testing.T) {
	server := redistest.NewServer(t, redisserver.Config{})
	b := setup(t, server.URL())
	server.Kill()
	b.pauses = functiontest.DeadQueue(t)
	j := b.Ready(awake)
	if resp, body := b.call(alice, j.ID); resp.StatusCode != 202 {
		t.Errorf("got %d %v", resp.StatusCode, body)
	}
	if due := b.Row(j.ID); due.PauseDueAt.After(due.ReadAt) { // where reconcile looks
		t.Errorf("due at %v", due.PauseDueAt)
	}
}

func TestWithoutPostgresItSaysSo(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.Ready(awake)
	if _, err := b.Cache.Put(t.Context(), j); err != nil {
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
	j := b.Ready(awake)
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
	if resp := <-done; resp.StatusCode != 202 || len(b.SQS.Messages("pause")) != 0 {
		t.Errorf("got %d %s, sent %v", resp.StatusCode, resp.Body, b.SQS.Messages("pause"))
	}
}

// A preview that an iteration has is not put to sleep by the version before.
func TestAMovedPreviewIsNotThisVersions(t *testing.T) {
	b := setup(t, redistest.New(t))
	from := b.Pause(b.Ready(0))
	j := b.Iterating(from)
	resp, body := b.call(alice, from.ID)
	detail, _ := body["detail"].(map[string]any)
	if resp.StatusCode != 409 || detail["moved_to"] != j.ID || len(b.SQS.Messages("pause")) != 0 {
		t.Errorf("got %d %v", resp.StatusCode, body)
	}
}
