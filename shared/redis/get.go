package redis

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"siesta/shared/job"
)

// statusFields are what Get reads, in the order that parse takes them. The last
// ones may be missing: an older version writes a hash without them.
var statusFields = []string{
	"user_id", "status", "sandbox_state", "sandbox_paused", "revision", "sandbox_expires_at",
	"preview_url", "build_version", "error_message", "debug_id", "pause_due_at", "read_at",
	"framework", "port", "base_job_id", "moved_to", "current_at", "gone_at", "created_at",
}

const mayBeMissing = 7

// Get returns what the status answer needs of a job, its owner included, when it was
// accepted, and when it was read from Postgres; the other fields of j are empty. ok is false when the
// cache does not have it, or holds something that this version does not
// understand.
func (c *Cache) Get(ctx context.Context, id string) (j job.Job, ok bool, err error) {
	var values []any
	err = c.call(ctx, "read cached job", func(ctx context.Context, client goredis) error {
		var err error
		values, err = client.HMGet(ctx, jobKey(id), statusFields...).Result()
		if redis.HasErrorPrefix(err, "WRONGTYPE") { // the error's code: it is no hash
			return nil
		}
		return err
	})
	if err != nil {
		return job.Job{}, false, err
	}
	j, ok = parse(values)
	j.ID = id
	return j, ok, nil
}

// parse reads the values of statusFields. ok is false unless all that must be are
// there, and all make sense together.
func parse(values []any) (j job.Job, ok bool) {
	if len(values) != len(statusFields) {
		return job.Job{}, false
	}
	var text [19]string
	for i, v := range values {
		if text[i], ok = v.(string); !ok && i < len(values)-mayBeMissing {
			return job.Job{}, false
		}
	}
	j = job.Job{
		UserID: text[0], Status: job.Status(text[1]), SandboxState: job.SandboxState(text[2]),
		PreviewURL: text[6], BuildVersion: text[7], ErrorMessage: text[8], DebugID: text[9], BaseJobID: text[14], MovedTo: text[15],
	}
	j.Plan.Framework = text[12]
	var errPaused, errRevision, errExpires, errDue, errRead, errPort, errCurrent, errGone error
	j.SandboxPaused, errPaused = strconv.ParseBool(text[3])
	j.Revision, errRevision = strconv.ParseInt(text[4], 10, 64)
	j.SandboxExpiresAt, errExpires = parseMoment(text[5])
	j.PauseDueAt, errDue = parseMoment(text[10])
	j.ReadAt, errRead = parseMoment(text[11])
	j.CurrentAt, errCurrent = parseMoment(text[16])
	j.GoneAt, errGone = parseMoment(text[17])
	j.CreatedAt, _ = parseMoment(text[18]) // told where it is known
	if text[13] != "" {
		j.Plan.Port, errPort = strconv.Atoi(text[13])
	}
	if errors.Join(errPaused, errRevision, errExpires, errDue, errRead, errPort, errCurrent, errGone) != nil ||
		j.UserID == "" || j.Revision < 1 || !j.Status.Known() || !j.SandboxState.Known() ||
		j.SandboxPaused != (j.SandboxState == job.SandboxPaused) {
		return job.Job{}, false
	}
	return j, true
}

// parseMoment reads what moment wrote.
func parseMoment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, s)
}
