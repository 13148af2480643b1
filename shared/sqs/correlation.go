package sqs

import "context"

// correlationAttribute carries the id that ties together what one request of a
// user set off, from message to message.
const correlationAttribute = "correlation_id"

type correlationKey struct{}

// WithCorrelation makes messages that are sent under the context carry id.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// Correlation returns the id that WithCorrelation set, or "".
func Correlation(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}
