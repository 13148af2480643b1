package e2bsim

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// Action is what goes wrong. The table below says what each does.
type Action string

const (
	Delay          Action = "delay"
	GatewayTimeout Action = "gateway_timeout"
	TimeoutAfter   Action = "timeout_after"
	ErrorAnswer    Action = "error"
	LimitReached   Action = "limit_reached"
	RateLimited    Action = "rate_limited"
	Destroy        Action = "destroy"
	AnswerLost     Action = "answer_lost"
	EffectLost     Action = "effect_lost"
	CutHalfway     Action = "cut_halfway"
	Lag            Action = "lag"
	Vanish         Action = "vanish"
	Stale          Action = "stale"
	Fragile        Action = "fragile"
	HungGuest      Action = "hung_guest"
	OddEntry       Action = "odd_entry"
	OtherID        Action = "other_id"
)

// action is which calls an Action makes sense for, and what it does around one.
// What it does in the middle of one is with that call: whoever serves it asks
// Fault.is.
type action struct {
	calls   []Kind
	first   func(ctx context.Context, s *Server, id string)                  // ahead of the call
	instead func(ctx context.Context, s *Server, f *Fault, id string) answer // of the call, which has no effect
	after   func() answer                                                    // what is told once the call has had its effect
	older   bool                                                             // may bring back files of an earlier pause
}

var (
	mutating = []Kind{Create, Connect, Resume, Timeout, Refresh, Pause, Kill}
	reading  = []Kind{Get, List}
	control  = slices.Concat(mutating, reading)
	anyKind  = slices.Concat(control, []Kind{StartProcess, Files, Envd, Preview})
)

// actions are all there are.
var actions = map[Action]action{
	// Nothing, after Fault.Delay.
	Delay: {calls: anyKind},
	// No effect; 504 in plain text, as a load balancer answers.
	GatewayTimeout: {calls: anyKind, instead: func(context.Context, *Server, *Fault, string) answer { return gatewayTimeout() }},
	// The effect, then the same 504.
	TimeoutAfter: {calls: control, after: gatewayTimeout},
	// No effect; Fault.Status, Message and ErrorCode in E2B's JSON, with the
	// headers that Fault.RetryAfter and ShouldRetry ask for.
	ErrorAnswer: {calls: anyKind, instead: func(_ context.Context, _ *Server, f *Fault, _ string) answer {
		return f.failure(f.Status, f.Message).answer()
	}},
	// No effect; 429 without Retry-After: the plan's sandboxes are all in use.
	LimitReached: {calls: mutating, instead: func(_ context.Context, s *Server, _ *Fault, _ string) answer {
		return concurrencyLimit(s.Plan().MaxConcurrent).answer()
	}},
	// No effect; 429 with Retry-After, of Fault.RetryAfter.
	RateLimited: {calls: control, instead: func(_ context.Context, _ *Server, f *Fault, _ string) answer {
		return f.failure(http.StatusTooManyRequests, "Rate limit exceeded, please try again later").answer()
	}},
	// 500 in E2B's JSON; the state falls back to the older snapshot, or is gone.
	Destroy: {calls: []Kind{Connect, Resume, Timeout, Pause, Kill}, older: true, instead: destroyed},
	// The effect; the connection is cut before the answer.
	AnswerLost: {calls: anyKind},
	// A good answer; no effect.
	EffectLost: {calls: mutating},
	// The effect; the connection is cut within the answer, or within an upload
	// after Fault.Bytes.
	CutHalfway: {calls: anyKind},
	// Get and list answer as things were Fault.Lag ago.
	Lag: {calls: reading},
	// The sandbox and its snapshots are gone, then the call is served.
	Vanish: {calls: anyKind, first: func(ctx context.Context, s *Server, id string) { _ = s.destroy(ctx, id, false) }},
	// Connect brings up older files.
	Stale: {calls: []Kind{Connect, Resume}, older: true},
	// A pause whose caller goes away destroys the state.
	Fragile: {calls: []Kind{Pause}, older: true},
	// The daemon inside does not answer while the pause looks at it.
	HungGuest: {calls: []Kind{Pause}},
	// The list begins with an entry, with all that was asked for, whose id is of
	// no form that E2B's has.
	OddEntry: {calls: []Kind{List}},
	// The effect; the answer names another sandbox.
	OtherID: {calls: []Kind{Connect, Get}},
}

func destroyed(ctx context.Context, s *Server, _ *Fault, id string) answer {
	if gone := s.destroy(ctx, id, true); gone != nil {
		return gone.answer()
	}
	return fail(http.StatusInternalServerError, "Internal server error").answer()
}

func gatewayTimeout() answer {
	return answer{status: http.StatusGatewayTimeout, text: "upstream request timeout"}
}

func concurrencyLimit(limit int) *failure {
	return fail(http.StatusTooManyRequests, fmt.Sprintf("you have reached the maximum number of concurrent E2B sandboxes (%d)", max(limit, 1)))
}
