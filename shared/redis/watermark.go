package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Watermark returns the time that SetWatermark kept, zero when Redis has none.
func (c *Cache) Watermark(ctx context.Context) (time.Time, error) {
	var text string
	err := c.call(ctx, "read watermark", func(ctx context.Context, client goredis) error {
		var err error
		text, err = client.Get(ctx, watermarkKey).Result()
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
	return c.call(ctx, "keep watermark", func(ctx context.Context, client goredis) error {
		return client.Set(ctx, watermarkKey, moment(at), 0).Err()
	})
}
