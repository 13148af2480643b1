package redis

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// LogLine is one line of a build's output.
type LogLine struct {
	Time   time.Time
	Source string // stdout, stderr or system
	Text   string
	Phase  string // scaffold, code, install or checks
}

const (
	maxLogLines = 50_000 // kept of one job, roughly
	logBatch    = 500    // lines sent in one call
)

// AppendLogs adds lines to a job's log stream. When it fails, some of them may
// be in it.
func (c *Cache) AppendLogs(ctx context.Context, id string, lines []LogLine) error {
	for batch := range slices.Chunk(lines, logBatch) {
		err := c.call(ctx, "append logs", func(ctx context.Context) error {
			_, err := c.client.Pipelined(ctx, func(p redis.Pipeliner) error {
				for _, line := range batch {
					p.XAdd(ctx, &redis.XAddArgs{
						Stream: logsKey(id), MaxLen: maxLogLines, Approx: true,
						Values: []any{"ts", moment(line.Time), "source", line.Source, "text", line.Text, "phase", line.Phase},
					})
				}
				p.Expire(ctx, logsKey(id), TTL)
				return nil
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Watermark returns the time that SetWatermark kept, zero when Redis has none.
func (c *Cache) Watermark(ctx context.Context) (time.Time, error) {
	var text string
	err := c.call(ctx, "read watermark", func(ctx context.Context) error {
		var err error
		text, err = c.client.Get(ctx, watermarkKey).Result()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, nil // none, or damaged: reconcile starts over
	}
	return at, nil
}

// SetWatermark keeps up to where reconcile has published every change.
func (c *Cache) SetWatermark(ctx context.Context, at time.Time) error {
	return c.call(ctx, "keep watermark", func(ctx context.Context) error {
		return c.client.Set(ctx, watermarkKey, moment(at), 0).Err()
	})
}

// LastLog returns the newest line of a job's log stream; ok is false while it
// has none.
func (c *Cache) LastLog(ctx context.Context, id string) (line LogLine, ok bool, err error) {
	err = c.call(ctx, "read logs", func(ctx context.Context) error {
		entries, err := c.client.XRevRangeN(ctx, logsKey(id), "+", "-", 1).Result()
		if err != nil || len(entries) == 0 {
			return err
		}
		field := func(name string) string { s, _ := entries[0].Values[name].(string); return s }
		line = LogLine{Source: field("source"), Text: field("text"), Phase: field("phase")}
		line.Time, _ = time.Parse(time.RFC3339Nano, field("ts"))
		ok = true
		return nil
	})
	return line, ok, err
}
