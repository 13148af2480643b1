package redis

import (
	"context"
	"log/slog"
	"time"

	"siesta/shared/job"
)

// watchTime is how long who has read a log counts as its reader. Readers ask again
// every two or three seconds, so that it outlives a few slow answers; and who has left
// costs a few turns.
const watchTime = 15 * time.Second

// Watch notes that somebody reads the log of j, and waits for what comes next: its
// builder looks more often. Of a finished job nothing comes. What the cache misses is
// logged and fails nothing.
func (c *Cache) Watch(ctx context.Context, j job.Job) {
	if j.Status.Terminal() {
		return
	}
	err := c.call(ctx, "note reader of log", func(ctx context.Context, client goredis) error {
		return client.Set(ctx, watchedKey(j.ID), "", watchTime).Err()
	})
	if err != nil {
		slog.WarnContext(ctx, "reader of log not noted", "job_id", j.ID, "error", err)
	}
}

// Watched reports whether somebody reads a job's log. Where the cache does not answer,
// nobody does.
func (c *Cache) Watched(ctx context.Context, id string) bool {
	var n int64
	err := c.call(ctx, "look for readers of log", func(ctx context.Context, client goredis) (err error) {
		n, err = client.Exists(ctx, watchedKey(id)).Result()
		return err
	})
	if err != nil {
		slog.WarnContext(ctx, "readers of log not known", "job_id", id, "error", err)
	}
	return n > 0
}

func watchedKey(id string) string { return "job:" + id + ":watched" }
