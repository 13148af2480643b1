package redis

import (
	"context"
	"strconv"

	"github.com/redis/go-redis/v9"

	"siesta/shared/job"
)

// statusFields are what Get reads, and what each is of a job.
var statusFields = []struct {
	name string
	read func(j *job.Job, value string) error
}{
	{"user_id", func(j *job.Job, v string) error { j.UserID = v; return nil }},
	{"status", func(j *job.Job, v string) error { j.Status = job.Status(v); return nil }},
	{"sandbox_state", func(j *job.Job, v string) error { j.SandboxState = job.SandboxState(v); return nil }},
	{"sandbox_paused", func(j *job.Job, v string) (err error) { j.SandboxPaused, err = strconv.ParseBool(v); return err }},
	{"revision", func(j *job.Job, v string) (err error) { j.Revision, err = strconv.ParseInt(v, 10, 64); return err }},
	{"sandbox_expires_at", func(j *job.Job, v string) (err error) { j.SandboxExpiresAt, err = parseMoment(v); return err }},
	{"preview_url", func(j *job.Job, v string) error { j.PreviewURL = v; return nil }},
	{"build_version", func(j *job.Job, v string) error { j.BuildVersion = v; return nil }},
	{"error_message", func(j *job.Job, v string) error { j.ErrorMessage = v; return nil }},
	{"debug_id", func(j *job.Job, v string) error { j.DebugID = v; return nil }},
}

// Get returns what the status answer needs of a job, its owner included; the
// other fields of j are empty. ok is false when the cache does not have it, or
// holds something that this version does not understand.
func (c *Cache) Get(ctx context.Context, id string) (j job.Job, ok bool, err error) {
	names := make([]string, len(statusFields))
	for i, field := range statusFields {
		names[i] = field.name
	}
	var values []any
	err = c.call(ctx, "read cached job", func(ctx context.Context) error {
		var err error
		values, err = c.client.HMGet(ctx, jobKey(id), names...).Result()
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

// parse reads the values of statusFields. ok is false unless all are there and
// make sense together.
func parse(values []any) (j job.Job, ok bool) {
	if len(values) != len(statusFields) {
		return job.Job{}, false
	}
	for i, v := range values {
		text, isText := v.(string)
		if !isText || statusFields[i].read(&j, text) != nil {
			return job.Job{}, false
		}
	}
	if j.UserID == "" || j.Revision < 1 || !j.Status.Known() || !j.SandboxState.Known() ||
		j.SandboxPaused != (j.SandboxState == job.SandboxPaused) {
		return job.Job{}, false
	}
	return j, true
}
