package redis

import (
	"testing"
	"time"

	"siesta/proof/redistest"
)

// BenchmarkGet holds Get against a bare HGETALL on the same connection, the two
// in turns. The budget of times-HGETALL is 1.3.
func BenchmarkGet(b *testing.B) {
	c := open(b, Config{URL: redistest.New(b)})
	j := aJob(1)
	put(b, c, j)
	ctx, key := b.Context(), jobKey(j.ID)
	client, err := c.clients.Get(ctx, false)
	if err != nil {
		b.Fatal(err)
	}
	var get, bare time.Duration
	for b.Loop() {
		start := time.Now()
		if _, ok, err := c.Get(ctx, j.ID); err != nil || !ok {
			b.Fatal(ok, err)
		}
		middle := time.Now()
		if _, err := client.HGetAll(ctx, key).Result(); err != nil {
			b.Fatal(err)
		}
		get, bare = get+middle.Sub(start), bare+time.Since(middle)
	}
	b.ReportMetric(float64(get.Microseconds())/float64(b.N), "µs/Get")
	b.ReportMetric(float64(bare.Microseconds())/float64(b.N), "µs/HGETALL")
	b.ReportMetric(float64(get)/float64(bare), "times-HGETALL")
}
