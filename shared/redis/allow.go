package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"siesta/shared/job"
)

// allowScript counts what an act costs, unless it is counted already, or does not fit
// beneath a limit any more. What is counted is forgotten a while after the first.
//
//	KEYS[1] the hash; ARGV: the act, its cost, the limit, the while in seconds
//
// It returns whether the act is counted, and how long what is counted stays, in
// milliseconds.
var allowScript = redis.NewScript(`
local sum = tonumber(redis.call('HGET', KEYS[1], 'sum')) or 0
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
	if sum + tonumber(ARGV[2]) > tonumber(ARGV[3]) then
		return {0, redis.call('PTTL', KEYS[1])}
	end
	redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], 'sum', sum + tonumber(ARGV[2]))
end
if redis.call('PTTL', KEYS[1]) < 0 then
	redis.call('EXPIRE', KEYS[1], ARGV[4])
end
return {1, redis.call('PTTL', KEYS[1])}
`)

// Allowance is what all links of a share may do, until they are ended: the wakes of an
// hour, and the time awake of a day, from the first on. Zero means no limit.
type Allowance struct {
	WakesPerHour int
	AwakePerDay  time.Duration
}

// Allow counts what links of s are granted of a j that is as it was read, however many
// ask for that at once: so many wakes, and so much time awake. A *job.LimitError, in
// words for visitors: there is no room.
func (c *Cache) Allow(ctx context.Context, s job.Share, j job.Job, a Allowance, wakes int, awake time.Duration) error {
	for _, l := range []struct {
		what       string
		cost, most int
		while      time.Duration
		words      string
	}{
		{"awake", int(awake.Seconds()), int(a.AwakePerDay.Seconds()), 24 * time.Hour,
			"This link has kept previews awake for as long as it may in a day; try again later"},
		{"wakes", wakes, a.WakesPerHour, time.Hour,
			"This link has woken previews as often as it may in an hour; try again later"},
	} {
		if l.most == 0 || l.cost == 0 {
			continue
		}
		var got []int64
		err := c.call(ctx, "count what links do", func(ctx context.Context, client goredis) (err error) {
			key := shareKey(s.ID) + ":" + strconv.Itoa(s.Number) + ":" + l.what
			act := j.ID + ":" + strconv.FormatInt(j.Revision, 10)
			got, err = allowScript.Run(ctx, client, []string{key}, act, l.cost, l.most, int(l.while.Seconds())).Int64Slice()
			return err
		})
		if err != nil {
			return err
		}
		if got[0] == 0 {
			return &job.LimitError{Reason: l.words, RetryAfter: time.Duration(got[1]) * time.Millisecond}
		}
	}
	return nil
}
