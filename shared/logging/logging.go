// Package logging sets up slog for a Lambda function: one JSON object a line,
// with the keys that Lambda's own log filter reads (timestamp, level, message),
// the invocation's request id, and whatever a context carries. It does not know
// what is worth a line.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// New returns a logger that writes lines of at least level (debug, info, warn
// or error; anything else means info) to w.
func New(w io.Writer, level string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	return slog.New(handler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least, ReplaceAttr: lambdaKeys})})
}

// Setup makes New's logger the process's, so that lines of package log go
// through it too. They come from libraries that are about to give up, so they
// count as errors.
func Setup(w io.Writer, level string) *slog.Logger {
	logger := New(w, level)
	slog.SetDefault(logger)
	slog.SetLogLoggerLevel(slog.LevelError)
	return logger
}

// With returns a context whose lines carry the attributes args, given as in
// slog.Logger.With; one of the same key takes the older one's place. It costs
// next to nothing where no line is written.
func With(ctx context.Context, args ...any) context.Context {
	return context.WithValue(ctx, carriedKey{}, &carried{args, carriedBy(ctx)})
}

// carried are the arguments of one With, and those of the one around it.
type carried struct {
	args   []any
	around *carried
}

type carriedKey struct{}

func carriedBy(ctx context.Context) *carried {
	c, _ := ctx.Value(carriedKey{}).(*carried)
	return c
}

// handler adds what the context carries to each line, but for the keys that the
// line has itself.
type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	has := map[string]bool{}
	r.Attrs(func(own slog.Attr) bool {
		has[own.Key] = true
		return true
	})
	r = r.Clone()
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("request_id", lc.AwsRequestID))
	}
	for c := carriedBy(ctx); c != nil; c = c.around {
		var attrs slog.Record
		attrs.Add(c.args...)
		attrs.Attrs(func(a slog.Attr) bool {
			if !has[a.Key] {
				has[a.Key] = true
				r.AddAttrs(a)
			}
			return true
		})
	}
	if err := h.Handler.Handle(ctx, r); err != nil {
		return fmt.Errorf("write log line: %w", err)
	}
	return nil
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

func lambdaKeys(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		return slog.Time("timestamp", a.Value.Time().UTC())
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}
