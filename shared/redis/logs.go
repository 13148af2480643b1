package redis

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"siesta/shared/job"
)

const (
	maxLogLines = 50_000 // kept of one job, roughly
	logBatch    = 500    // lines sent in one call
)

// AppendLogs adds lines to a job's log stream, which gives each its id. When it
// fails, some of them may be in it.
func (c *Cache) AppendLogs(ctx context.Context, id string, lines []job.LogLine) error {
	for batch := range slices.Chunk(lines, logBatch) {
		err := c.call(ctx, "append logs", func(ctx context.Context, client goredis) error {
			_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
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

// ReadLogs returns the lines of a range of a job's log stream, the oldest first.
// some is false when the stream holds none at all, in that range or another.
func (c *Cache) ReadLogs(ctx context.Context, id string, r job.LogRange) (lines []job.LogLine, some bool, err error) {
	var found *redis.XMessageSliceCmd
	var exists *redis.IntCmd
	err = c.call(ctx, "read logs", func(ctx context.Context, client goredis) error {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			if r.Newest {
				found = p.XRevRangeN(ctx, logsKey(id), r.To, r.From, int64(r.Limit))
			} else {
				found = p.XRangeN(ctx, logsKey(id), r.From, r.To, int64(r.Limit))
			}
			exists = p.Exists(ctx, logsKey(id))
			return nil
		})
		return err
	})
	if err != nil {
		return nil, false, err
	}
	lines = make([]job.LogLine, 0, len(found.Val()))
	for _, m := range found.Val() {
		lines = append(lines, logLine(m))
	}
	if r.Newest {
		slices.Reverse(lines)
	}
	return lines, exists.Val() > 0, nil
}

// LastLog returns the newest line of a job's log stream; ok is false while it
// has none.
func (c *Cache) LastLog(ctx context.Context, id string) (line job.LogLine, ok bool, err error) {
	lines, _, err := c.ReadLogs(ctx, id, job.LogRange{From: "-", To: "+", Limit: 1, Newest: true})
	if err != nil || len(lines) == 0 {
		return job.LogLine{}, false, err
	}
	return lines[0], true, nil
}

func logLine(m redis.XMessage) job.LogLine {
	field := func(name string) string { s, _ := m.Values[name].(string); return s }
	line := job.LogLine{ID: m.ID, Source: field("source"), Text: field("text"), Phase: field("phase")}
	line.Time, _ = time.Parse(time.RFC3339Nano, field("ts"))
	return line
}
