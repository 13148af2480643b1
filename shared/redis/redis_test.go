package redis

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/redisserver"
	"siesta/proof/redistest"
	"siesta/shared/job"
)

// open opens a cache that waits for its answers, however slow the machine.
func open(t testing.TB, c Config) *Cache {
	t.Helper()
	c.CallTimeout = 10 * time.Second
	return openHasty(t, c)
}

// openHasty opens one that waits for no longer than the configuration says.
func openHasty(t testing.TB, c Config) *Cache {
	t.Helper()
	cache, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	return cache
}

// aJob is a job that checks, with everything that its row has by then.
func aJob(revision int64) job.Job {
	now := time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)
	return job.Job{
		ID: job.NewID(), ProjectID: job.NewID(), UserID: "user-1", Tier: job.Bootstrapper,
		Status: job.Checks, Goal: "a to-do list", SandboxState: job.SandboxRunning,
		SandboxID: "sbx1", PreviewURL: "https://3000-sbx1.e2b.app", BuildVersion: "build_v0_1", WorkspacePath: job.Workspace,
		SandboxExpiresAt: now.Add(time.Hour), PauseDueAt: now.Add(time.Minute), ReadAt: now, CreatedAt: now, UpdatedAt: now, Revision: revision,
	}
}

func put(t testing.TB, c *Cache, j job.Job) bool {
	t.Helper()
	stored, err := c.Put(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func hash(t testing.TB, c *Cache, id string) map[string]string {
	t.Helper()
	h, err := c.client().HGetAll(t.Context(), jobKey(id)).Result()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestGetReturnsWhatPutStored(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	j := aJob(7)
	j.Status, j.SandboxState, j.SandboxPaused = job.Ready, job.SandboxPaused, true
	j.ErrorMessage, j.DebugID = "text", "d1"
	j.Plan = job.Plan{Framework: "vite", Port: 5173, Preview: 4000, Start: "exec npm run dev"}
	put(t, c, j)
	got, ok, err := c.Get(t.Context(), j.ID)
	if err != nil || !ok {
		t.Fatalf("Get: ok %v, error %v", ok, err)
	}
	want := job.Job{
		ID: j.ID, UserID: j.UserID, Status: j.Status, SandboxState: j.SandboxState, SandboxPaused: true,
		SandboxExpiresAt: j.SandboxExpiresAt, PauseDueAt: j.PauseDueAt, ReadAt: j.ReadAt, CreatedAt: j.CreatedAt, PreviewURL: j.PreviewURL, BuildVersion: j.BuildVersion,
		ErrorMessage: j.ErrorMessage, DebugID: j.DebugID, Revision: 7, Progress: job.Progress{Plan: job.Plan{Framework: "vite", Port: 4000}},
	}
	gotJSON, _ := json.Marshal(got)
	wantJSON, _ := json.Marshal(want)
	if string(gotJSON) != string(wantJSON) {
		t.Errorf("Get:\n got %s\nwant %s", gotJSON, wantJSON)
	}
}

func TestHashHasTheFieldsThatOthersRead(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	j := aJob(1)
	put(t, c, j)
	got := hash(t, c, j.ID)
	want := map[string]string{
		"status": "checks", "status_message": "Running checks...",
		"created_at": "2026-11-22T10:00:00.123Z", "updated_at": "2026-11-22T10:00:00.123Z",
		"project_id": j.ProjectID, "user_id": "user-1", "goal": "a to-do list", "tier": "bootstrapper",
		"sandbox_id": "", "workspace_path": "", "preview_url": "", "build_version": "",
		"sandbox_paused": "false", "error_message": "", "debug_id": "",
		"revision": "1", "sandbox_state": "running", "sandbox_expires_at": "2026-11-22T11:00:00.123Z",
		"pause_due_at": "2026-11-22T10:01:00.123Z", "read_at": "2026-11-22T10:00:00.123Z",
		"framework": "", "port": "", "base_job_id": "", "moved_to": "", "current_at": "", "gone_at": "",
	}
	for name, value := range want {
		if v, ok := got[name]; !ok || v != value {
			t.Errorf("%s: got %q (there: %v), want %q", name, v, ok, value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("fields: got %d, want %d: %v", len(got), len(want), got)
	}
}

// While a new version comes, an older one still writes.
func TestAnOlderVersionsHashIsUnderstood(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	j := aJob(2)
	j.Plan = job.Plan{Framework: "vite", Port: 5173}
	put(t, c, j)
	if err := c.client().HDel(t.Context(), jobKey(j.ID), "framework", "port").Err(); err != nil {
		t.Fatal(err)
	}
	got, ok, err := c.Get(t.Context(), j.ID)
	if err != nil || !ok || got.Status != j.Status || got.Plan.Framework != "" || got.Plan.Shown() != 0 {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	put(t, c, j)
	if got, _, _ := c.Get(t.Context(), j.ID); got.Plan.Framework != "vite" || got.Plan.Shown() != 5173 {
		t.Errorf("written again: got %+v", got.Plan)
	}
}

func TestNewerRevisionWinsInAnyOrder(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	for _, order := range [][]int64{{1, 2, 3}, {3, 2, 1}, {2, 3, 1}, {9, 10, 9}, {1 << 40, 1<<40 + 1, 3}} {
		j := aJob(0)
		var most int64
		for _, revision := range order {
			j.Revision = revision
			if got, want := put(t, c, j), revision > most; got != want {
				t.Errorf("order %v: Put of %d stored %v, want %v", order, revision, got, want)
			}
			most = max(most, revision)
		}
		got, _, err := c.Get(t.Context(), j.ID)
		if err != nil || got.Revision != most {
			t.Errorf("order %v: cached revision %d, error %v, want %d", order, got.Revision, err, most)
		}
	}
}

func TestConcurrentPutsEndAtTheNewest(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	const n = 64
	j := aJob(0)
	var wg sync.WaitGroup
	for _, i := range rand.Perm(n) {
		next := j
		next.Revision = int64(i + 1)
		wg.Go(func() { put(t, c, next) })
	}
	wg.Wait()
	got, _, err := c.Get(t.Context(), j.ID)
	if err != nil || got.Revision != n {
		t.Errorf("cached revision: got %d, error %v, want %d", got.Revision, err, n)
	}
}

func TestReadyShowsEverythingInOneStep(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	j := aJob(1)
	put(t, c, j)
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.Status, j.Revision = job.Ready, 2
		put(t, c, j)
	}()
	for ready := false; !ready; {
		select {
		case <-done:
			if h := hash(t, c, j.ID); h["status"] != "ready" {
				t.Fatalf("after the Put the status is %q", h["status"])
			}
		default:
		}
		h := hash(t, c, j.ID)
		ready = h["status"] == "ready"
		for _, name := range []string{"sandbox_id", "preview_url", "build_version", "workspace_path"} {
			if shown := h[name] != ""; shown != ready {
				t.Errorf("%s at status %s: %q", name, h["status"], h[name])
			}
		}
	}
	<-done
}

func TestEventComesExactlyWithTheWrite(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	j := aJob(5)
	sub := c.client().Subscribe(t.Context(), "job:"+j.ID+":events")
	defer sub.Close()
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, c, j) // published
	put(t, c, j) // the same again: not
	j.Revision = 4
	put(t, c, j) // older: not
	j.Revision, j.Turn = 6, 1
	put(t, c, j) // published, though nothing visible changed
	j.Revision, j.Status = 7, job.Ready
	put(t, c, j) // published

	for _, want := range []map[string]any{
		{"type": "build.stage.started", "revision": 5.0, "status": "checks", "stage": "checks"},
		{"type": "job.updated", "revision": 6.0, "status": "checks", "stage": "checks"},
		{"type": "build.stage.started", "revision": 7.0, "status": "ready", "stage": "ready",
			"job_id": j.ID, "message": "Build complete!", "stage_label": "Build complete!",
			"timestamp": "2026-11-22T10:00:00.123Z", "sandbox_state": "running", "sandbox_paused": false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		message, err := sub.ReceiveMessage(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(message.Payload), &got); err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("event %v: %s: got %v, want %v", want["revision"], name, got[name], value)
			}
		}
	}
}

func TestEveryPutRefreshesTheTTL(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	j := aJob(3)
	for _, revision := range []int64{3, 3, 2, 4} { // new, equal, older, newer
		j.Revision = revision
		put(t, c, j)
		ttl, err := c.client().TTL(t.Context(), jobKey(j.ID)).Result()
		if err != nil || ttl < TTL-time.Minute || ttl > TTL {
			t.Errorf("TTL after revision %d: got %v, error %v, want %v", revision, ttl, err, TTL)
		}
		if err := c.client().Expire(t.Context(), jobKey(j.ID), time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamagedHashIsAMissAndIsRepaired(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	ctx := t.Context()
	for name, damage := range map[string]func(key string) error{
		"missing":          func(key string) error { return c.client().Del(ctx, key).Err() },
		"a field is gone":  func(key string) error { return c.client().HDel(ctx, key, "user_id").Err() },
		"unknown status":   func(key string) error { return c.client().HSet(ctx, key, "status", "deploying").Err() },
		"no revision":      func(key string) error { return c.client().HSet(ctx, key, "revision", "x").Err() },
		"paused but not":   func(key string) error { return c.client().HSet(ctx, key, "sandbox_paused", "true").Err() },
		"malformed port":   func(key string) error { return c.client().HSet(ctx, key, "port", "many").Err() },
		"malformed expiry": func(key string) error { return c.client().HSet(ctx, key, "sandbox_expires_at", "soon").Err() },
		"not a hash":       func(key string) error { return c.client().Set(ctx, key, "text", 0).Err() },
	} {
		j := aJob(4)
		put(t, c, j)
		if err := damage(jobKey(j.ID)); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := c.Get(ctx, j.ID); ok || err != nil {
			t.Errorf("%s: got %+v, ok %v, error %v, want a miss", name, got, ok, err)
		}
		put(t, c, j)
		if _, ok, err := c.Get(ctx, j.ID); !ok || err != nil {
			t.Errorf("%s, put again: ok %v, error %v, want a hit", name, ok, err)
		}
	}
}

func TestLogs(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	id := job.NewID()
	lines := make([]job.LogLine, logBatch+1)
	for i := range lines {
		lines[i] = job.LogLine{Time: time.Unix(int64(i), 0), Source: "stdout", Text: "line", Phase: "install"}
	}
	if err := c.AppendLogs(t.Context(), id, lines); err != nil {
		t.Fatal(err)
	}
	if err := c.AppendLogs(t.Context(), id, nil); err != nil {
		t.Errorf("no lines: %v", err)
	}
	got, err := c.client().XRange(t.Context(), "job:"+id+":logs", "-", "+").Result()
	if err != nil || len(got) != len(lines) {
		t.Fatalf("lines: got %d, error %v, want %d", len(got), err, len(lines))
	}
	for name, want := range map[string]string{"ts": "1970-01-01T00:08:20Z", "source": "stdout", "text": "line", "phase": "install"} {
		if v := got[len(got)-1].Values[name]; v != want {
			t.Errorf("last line's %s: got %v, want %s", name, v, want)
		}
	}
	if ttl := c.client().TTL(t.Context(), logsKey(id)).Val(); ttl < TTL-time.Minute {
		t.Errorf("TTL: got %v, want %v", ttl, TTL)
	}
}

func TestWatermark(t *testing.T) {
	s := redistest.NewServer(t, redisserver.Config{})
	c := open(t, Config{URL: s.URL()})
	if at, err := c.Watermark(t.Context()); !at.IsZero() || err != nil {
		t.Errorf("before the first: got %v, error %v, want none", at, err)
	}
	want := time.Date(2026, 11, 22, 1, 2, 3, 456789000, time.UTC)
	if err := c.SetWatermark(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if at, err := c.Watermark(t.Context()); !at.Equal(want) || err != nil {
		t.Errorf("got %v, error %v, want %v", at, err, want)
	}
}

func TestABadAddressDoesNotShowItsPassword(t *testing.T) {
	if _, err := Open(Config{URL: "redis://u:hunter2@host:port"}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
