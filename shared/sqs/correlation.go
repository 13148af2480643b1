package sqs

import (
	"context"

	"siesta/shared/logging"
)

// correlationAttribute carries the id that ties together what one request of a
// user set off, from message to message.
const correlationAttribute = "correlation_id"

type correlationKey struct{}

// WithCorrelation makes messages that are sent under the context, and its log
// lines, carry id.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return logging.With(context.WithValue(ctx, correlationKey{}, id), correlationAttribute, id)
}

// Correlation returns the id that WithCorrelation set, or "".
func Correlation(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}
