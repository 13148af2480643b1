// Package metrics counts what CloudWatch shows of the product: facts of one
// invocation are gathered in its context and written as one line of its log, in
// CloudWatch's embedded metric format. It owns the metrics' names, and does not know
// what they mean. Whoever records a fact counts it, after the write that makes it one.
package metrics

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// mostValues is how many values of a metric CloudWatch takes from one line.
const mostValues = 100

var (
	namespace = "Siesta"
	warm      atomic.Bool
)

// Setup says under which namespace the process's metrics are shown; "" leaves it
// at Siesta. It comes before the first line.
func Setup(name string) {
	if name != "" {
		namespace = name
	}
}

// set is what an invocation has gathered, for all of its goroutines.
type set struct {
	mu     sync.Mutex
	counts map[Name]int
	times  map[Name][]float64 // in their names' units
}

type setKey struct{}

// Gather returns a context in which metrics are gathered, apart from those of the
// context around it. The first one of a process is a cold start.
func Gather(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, setKey{}, &set{})
	if !warm.Swap(true) {
		Count(ctx, ColdStarts, 1)
	}
	return ctx
}

// Count adds n, which may be 0, to what was counted; without a Gather, nothing.
func Count(ctx context.Context, name Name, n int) {
	if s, ok := ctx.Value(setKey{}).(*set); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.counts == nil {
			s.counts = map[Name]int{}
		}
		s.counts[name] += n
	}
}

// Ended counts the end of a job, and 0 for each other end: their shares can be told
// from the first one on, when CloudWatch would else not know the others.
func Ended(ctx context.Context, how Name) {
	for _, name := range ends {
		Count(ctx, name, 0)
	}
	Count(ctx, how, 1)
}

// Took adds one more time to those of a name; without a Gather, nothing. Clocks that
// differ make no negative time.
func Took(ctx context.Context, name Name, d time.Duration) {
	if s, ok := ctx.Value(setKey{}).(*set); ok {
		value := max(d, 0).Seconds()
		if name.unit() == "Milliseconds" {
			value = float64(max(d, 0).Milliseconds())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.times == nil {
			s.times = map[Name][]float64{}
		}
		s.times[name] = append(s.times[name], value)
	}
}

// Write writes what was gathered so far as one line, whatever the logger's level is,
// and begins anew; nothing gathered, and nothing to say beside, is no line. The
// attributes are for readers of the line alone.
func Write(ctx context.Context, log *slog.Logger, message string, attrs ...slog.Attr) {
	s, ok := ctx.Value(setKey{}).(*set)
	if !ok {
		return
	}
	s.mu.Lock()
	counts, times := s.counts, s.times
	s.counts, s.times = nil, nil
	s.mu.Unlock()
	for first := true; first && len(attrs) > 0 || len(counts)+len(times) > 0; first = false {
		line := map[Name]any{}
		for name, n := range counts {
			line[name] = n
		}
		counts = nil
		for name, values := range times {
			n := min(len(values), mostValues)
			if line[name] = values[:n]; n == len(values) {
				delete(times, name)
				continue
			}
			times[name] = values[n:]
		}
		write(ctx, log, message, line, attrs)
	}
}

// metadata tells CloudWatch which of a line's numbers are metrics.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type metadata struct {
	Timestamp         int64       `json:"Timestamp"` // Unix milliseconds
	CloudWatchMetrics []directive `json:"CloudWatchMetrics"`
}

type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [1][0]string `json:"Dimensions"` // one set, of none: the namespace is the stack's own
	Metrics    []metric     `json:"Metrics"`
}

type metric struct {
	Name Name   `json:"Name"`
	Unit string `json:"Unit"`
}

func write(ctx context.Context, log *slog.Logger, message string, values map[Name]any, attrs []slog.Attr) {
	now := time.Now()
	line := slog.NewRecord(now, slog.LevelInfo, message, 0)
	line.AddAttrs(attrs...)
	d := directive{Namespace: namespace}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		d.Metrics = append(d.Metrics, metric{name, name.unit()})
		line.AddAttrs(slog.Any(string(name), values[name]))
	}
	if len(values) > 0 {
		line.AddAttrs(slog.Any("_aws", metadata{now.UnixMilli(), []directive{d}}))
	}
	_ = log.Handler().Handle(ctx, line) // as slog itself, which has nobody to tell either
}
