package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"

	"github.com/redis/go-redis/v9"

	"siesta/shared/job"
)

// currentScript notes the version of a project that counts, unless one is noted
// that began to count later; the note that its caller found to be wrong counts
// for nothing.
//
//	KEYS[1] the note; ARGV: its life in seconds, since when in microseconds, the
//	version, the wrong one or ""
var currentScript = redis.NewScript(`
local old = redis.call('GET', KEYS[1])
if old then
	local since, id = string.match(old, '^(%d+) (.+)$')
	if since and id ~= ARGV[4] and tonumber(since) > tonumber(ARGV[2]) then
		return 0
	end
end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3], 'EX', ARGV[1])
return 1
`)

// Current returns the id of the version of a user's project that counts; "" when
// the cache does not know.
func (c *Cache) Current(ctx context.Context, user, project string) (id string, err error) {
	var note string
	err = c.call(ctx, "read current version", func(ctx context.Context, client goredis) error {
		var err error
		note, err = client.Get(ctx, currentKey(user, project)).Result()
		if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil
		}
		return err
	})
	_, id, _ = strings.Cut(note, " ")
	if err != nil || !job.IsID(id) {
		return "", err
	}
	return id, nil
}

// PublishCurrent notes that a READY j is the version of its project that counts,
// unless a later one is. wrong is one that is noted and is none; "" for none. What
// the cache misses is logged and fails nothing: reconcile publishes it again.
func (c *Cache) PublishCurrent(ctx context.Context, j job.Job, wrong string) {
	since := j.CurrentAt
	if since.IsZero() {
		since = j.CompletedAt
	}
	err := c.call(ctx, "note current version", func(ctx context.Context, client goredis) error {
		args := []any{int(TTL.Seconds()), since.UnixMicro(), j.ID, wrong}
		return currentScript.Run(ctx, client, []string{currentKey(j.UserID, j.ProjectID)}, args...).Err()
	})
	if err != nil {
		slog.WarnContext(ctx, "cache is behind", "project_id", j.ProjectID, "job_id", j.ID, "error", err)
	}
}

// currentKey holds no user's id: it may have any character.
func currentKey(user, project string) string {
	hash := sha256.Sum256([]byte(user))
	return "current:" + hex.EncodeToString(hash[:16]) + ":" + project
}
