package redis

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// LogLine is one line of a build's output.
type LogLine struct {
	Time   time.Time
	Source string // stdout, where a step's stderr goes too, or system
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
