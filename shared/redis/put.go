package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"siesta/shared/job"
)

// putScript writes the hash unless it holds a newer revision, and publishes the
// event if the revision is a new one, in one step. Writing an equal revision
// again repairs a damaged hash. It touches one key, as a cluster demands.
//
//	KEYS[1] the hash; ARGV: its life in seconds, channel, event without its
//	type, revision, status, then all fields and values
var putScript = redis.NewScript(`
local old = redis.pcall('HMGET', KEYS[1], 'revision', 'status')
if old.err then
	redis.call('DEL', KEYS[1])
	old = {}
end
local had, has = tonumber(old[1] or nil), tonumber(ARGV[4])
if had and had > has then
	redis.call('EXPIRE', KEYS[1], ARGV[1])
	return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 6))
redis.call('EXPIRE', KEYS[1], ARGV[1])
if had == has then
	return 0
end
local kind = 'job.updated'
if old[2] ~= ARGV[5] then
	kind = 'build.stage.started'
end
redis.call('PUBLISH', ARGV[2], '{"type":"' .. kind .. '",' .. string.sub(ARGV[3], 2))
return 1
`)

// event is what subscribers of a job get, beside its type: build.stage.started
// when the status changed, else job.updated.
type event struct {
	JobID         string           `json:"job_id"`
	Status        job.Status       `json:"status"`
	Message       string           `json:"message"`
	Timestamp     string           `json:"timestamp"`
	Stage         job.Status       `json:"stage"`
	StageLabel    string           `json:"stage_label"`
	Revision      int64            `json:"revision"`
	SandboxState  job.SandboxState `json:"sandbox_state"`
	SandboxPaused bool             `json:"sandbox_paused"`
	MovedTo       string           `json:"moved_to,omitempty"` // the iteration that has its sandbox
}

// Put caches j, as a write or read of Postgres returned it, and tells its
// subscribers. stored is false, and nothing is published, when the cache has
// this revision or a newer one.
func (c *Cache) Put(ctx context.Context, j job.Job) (stored bool, err error) {
	published, err := json.Marshal(event{
		JobID: j.ID, Status: j.Status, Message: j.Message(), Timestamp: moment(j.UpdatedAt),
		Stage: j.Status, StageLabel: j.Status.Label(), Revision: j.Revision,
		SandboxState: j.SandboxState, SandboxPaused: j.SandboxPaused, MovedTo: j.MovedTo,
	})
	if err != nil {
		return false, fmt.Errorf("encode event: %w", err)
	}
	args := []any{int(TTL.Seconds()), eventsChannel(j.ID), published, j.Revision, string(j.Status)}
	args = append(args, fields(j)...)
	err = c.call(ctx, "cache job", func(ctx context.Context, client goredis) error {
		n, err := putScript.Run(ctx, client, []string{jobKey(j.ID)}, args...).Int()
		stored = n == 1
		return err
	})
	return stored, err
}

// Publish is Put for a row that was just written. What the cache misses is logged
// and fails nothing: the row is the truth, and reconcile publishes it again.
func (c *Cache) Publish(ctx context.Context, j job.Job) {
	if _, err := c.Put(ctx, j); err != nil {
		slog.WarnContext(ctx, "cache is behind", "job_id", j.ID, "revision", j.Revision, "error", err)
		return
	}
	if j.BecameCurrent() {
		c.PublishCurrent(ctx, j, "")
	}
}

// Erase makes the cache say nothing of a deleted job any more.
func (c *Cache) Erase(ctx context.Context, j job.Job) error {
	if _, err := c.Put(ctx, j); err != nil {
		return err
	}
	return c.call(ctx, "erase logs", func(ctx context.Context, client goredis) error { return client.Del(ctx, logsKey(j.ID)).Err() })
}

// Tell is Put for a wake, or where the cache does not take that, whatever it says
// of j is removed. An error: it may go on to say that j sleeps, until
// job.SleepBelieved after its row said so last.
func (c *Cache) Tell(ctx context.Context, j job.Job) error {
	_, err := c.Put(ctx, j)
	if err == nil {
		return nil
	}
	gone := c.call(ctx, "forget job", func(ctx context.Context, client goredis) error { return client.Del(ctx, jobKey(j.ID)).Err() })
	if gone == nil {
		return nil
	}
	return errors.Join(err, gone)
}

// PublishBeside is Publish beside whatever the caller does next, which must not
// wait for a slow cache. The caller calls wait before it ends.
func (c *Cache) PublishBeside(ctx context.Context, j job.Job) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { // beside its caller, who cannot recover it
			if p := recover(); p != nil {
				slog.ErrorContext(ctx, "cache is behind", "job_id", j.ID, "error", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		c.Publish(ctx, j)
	}()
	return func() { <-done }
}

// fields are the hash of j, names and values. Where the app runs shows from
// READY on, all at once.
func fields(j job.Job) []any {
	var sandboxID, previewURL, buildVersion, workspace string
	if !j.DeletedAt.IsZero() {
		j.UserID = "" // nobody's: no reader takes that for a job
	}
	if j.Status == job.Ready {
		sandboxID, previewURL, buildVersion, workspace = j.SandboxID, j.PreviewURL, j.BuildVersion, j.WorkspacePath
	}
	return []any{
		"status", string(j.Status),
		"status_message", j.Message(),
		"created_at", moment(j.CreatedAt),
		"updated_at", moment(j.UpdatedAt),
		"project_id", j.ProjectID,
		"user_id", j.UserID,
		"goal", j.Goal,
		"tier", string(j.Tier),
		"sandbox_id", sandboxID,
		"workspace_path", workspace,
		"preview_url", previewURL,
		"sandbox_paused", strconv.FormatBool(j.SandboxPaused),
		"build_version", buildVersion,
		"error_message", j.ErrorMessage,
		"debug_id", j.DebugID,
		"revision", j.Revision,
		"sandbox_state", string(j.SandboxState),
		"sandbox_expires_at", moment(j.SandboxExpiresAt),
		"pause_due_at", moment(j.PauseDueAt),
		"read_at", moment(j.ReadAt),
		"framework", j.Plan.Framework,
		"port", port(j),
		"base_job_id", j.BaseJobID,
		"moved_to", j.MovedTo,
		"current_at", moment(j.CurrentAt),
		"gone_at", moment(j.GoneAt),
	}
}

// port writes where the app listens; "" is not known yet.
func port(j job.Job) string {
	if n := j.Plan.Shown(); n != 0 {
		return strconv.Itoa(n)
	}
	return ""
}

// moment writes a time as the hash and the events hold it; "" is no time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
