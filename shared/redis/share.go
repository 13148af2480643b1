package redis

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"

	"siesta/shared/job"
)

// shareScript keeps a share unless a later number of it is kept: who read it from
// Postgres before its links were ended may write it after.
//
//	KEYS[1] the hash; ARGV: its life in seconds, number, user, project
var shareScript = redis.NewScript(`
local old = redis.pcall('HGET', KEYS[1], 'number')
if type(old) == 'table' and old.err then
	redis.call('DEL', KEYS[1])
	old = nil
end
if old and tonumber(old) and tonumber(old) > tonumber(ARGV[2]) then
	return 0
end
redis.call('HSET', KEYS[1], 'number', ARGV[2], 'user_id', ARGV[3], 'project_id', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
`)

// Share returns what the cache knows of a share; ok is false when that is nothing.
func (c *Cache) Share(ctx context.Context, id string) (s job.Share, ok bool, err error) {
	var values []any
	err = c.call(ctx, "read share", func(ctx context.Context, client goredis) error {
		var err error
		values, err = client.HMGet(ctx, shareKey(id), "number", "user_id", "project_id").Result()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil
		}
		return err
	})
	if err != nil || len(values) != 3 {
		return job.Share{}, false, err
	}
	number, _ := values[0].(string)
	user, _ := values[1].(string)
	project, _ := values[2].(string)
	n, err := strconv.Atoi(number)
	if err != nil || user == "" || !job.IsID(project) {
		return job.Share{}, false, nil
	}
	return job.Share{ID: id, UserID: user, ProjectID: project, Number: n}, true, nil
}

// PutShare keeps a share, as Postgres returned it, for ShareBelieved.
func (c *Cache) PutShare(ctx context.Context, s job.Share) error {
	return c.call(ctx, "keep share", func(ctx context.Context, client goredis) error {
		args := []any{int(job.ShareBelieved.Seconds()), s.Number, s.UserID, s.ProjectID}
		return shareScript.Run(ctx, client, []string{shareKey(s.ID)}, args...).Err()
	})
}

// EndShare is PutShare for one whose links were ended, or where the cache does not
// take that, whatever it says of the share is removed. An error: it may go on to say
// that they are good, until ShareBelieved after it was kept last.
func (c *Cache) EndShare(ctx context.Context, s job.Share) error {
	err := c.PutShare(ctx, s)
	if err == nil {
		return nil
	}
	gone := c.call(ctx, "forget share", func(ctx context.Context, client goredis) error { return client.Del(ctx, shareKey(s.ID)).Err() })
	if gone == nil {
		return nil
	}
	return errors.Join(err, gone)
}

func shareKey(id string) string { return "share:" + id }
