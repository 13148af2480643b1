package clienttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b"
)

// TestErrorTable makes the simulator produce each row of the client's error
// table, and shows what the client takes it for and what E2B then has.
func TestErrorTable(t *testing.T) {
	create := func(ctx context.Context, c *e2b.Client, _ string) error {
		_, err := c.Create(ctx, e2b.Create{Template: "base", Timeout: time.Minute})
		return err
	}
	connect := func(ctx context.Context, c *e2b.Client, id string) error {
		_, _, err := c.Connect(ctx, id, time.Minute)
		return err
	}
	pause := func(ctx context.Context, c *e2b.Client, id string) error { return c.Pause(ctx, id) }
	kill := func(ctx context.Context, c *e2b.Client, id string) error { return c.Kill(ctx, id) }
	get := func(ctx context.Context, c *e2b.Client, id string) error { _, err := c.Get(ctx, id); return err }
	for _, row := range []struct {
		name  string
		fault e2bsim.Fault
		call  func(context.Context, *e2b.Client, string) error
		want  error
	}{
		{"create, limit", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.LimitReached}, create, e2b.ErrLimit},
		{"create, rate", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.RateLimited}, create, e2b.ErrRateLimited},
		{"create, answer lost", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.AnswerLost}, create, e2b.ErrUnknown},
		{"create, cut half way", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.CutHalfway}, create, e2b.ErrUnknown},
		{"create, 500", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.ErrorAnswer}, create, e2b.ErrUnknown},
		{"create, 400", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.ErrorAnswer, Status: 400}, create, e2b.ErrRefused},
		{"create, 504 in front", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.GatewayTimeout}, create, e2b.ErrUnknown},
		{"connect, 500", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer}, connect, e2b.ErrFailed},
		{"connect, 503", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer, Status: 503}, connect, e2b.ErrUnknown},
		{"connect, vanished", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Vanish}, connect, e2b.ErrNotFound},
		{"connect, 409", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer, Status: 409}, connect, e2b.ErrInTransition},
		{"connect, cut half way", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.CutHalfway}, connect, e2b.ErrUnknown},
		{"connect, about another sandbox", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.OtherID}, connect, e2b.ErrUnknown},
		{"get, about another sandbox", e2bsim.Fault{Call: e2bsim.Get, Action: e2bsim.OtherID}, get, e2b.ErrUnknown},
		{"pause, state destroyed", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.Destroy}, pause, e2b.ErrFailed},
		{"pause, 504 in front", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.GatewayTimeout}, pause, e2b.ErrUnknown},
		{"pause, done, 504 in front", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.TimeoutAfter}, pause, e2b.ErrUnknown},
		{"pause, answer lost", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.AnswerLost}, pause, e2b.ErrUnknown},
		{"pause, its node is busy", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: 503}, pause, e2b.ErrBusy},
		{"pause, 403", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: 403}, pause, e2b.ErrRefused},
		{"pause, 401", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: 401, Times: -1}, pause, e2b.ErrKey},
		{"pause, 401 once", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: 401}, pause, nil},
		{"pause, vanished", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.Vanish}, pause, e2b.ErrNotFound},
		{"kill, answer lost", e2bsim.Fault{Call: e2bsim.Kill, Action: e2bsim.AnswerLost}, kill, e2b.ErrUnknown},
		{"kill, vanished", e2bsim.Fault{Call: e2bsim.Kill, Action: e2bsim.Vanish}, kill, e2b.ErrNotFound},
		{"get, rate once", e2bsim.Fault{Call: e2bsim.Get, Action: e2bsim.RateLimited}, get, nil},
		{"get, 504 once", e2bsim.Fault{Call: e2bsim.Get, Action: e2bsim.GatewayTimeout}, get, nil},
		{"get, cut once", e2bsim.Fault{Call: e2bsim.Get, Action: e2bsim.CutHalfway}, get, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			sim, c := newWorld(t)
			s, err := c.Create(t.Context(), e2b.Create{Template: "base", Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := sim.AddFault(row.fault); err != nil {
				t.Fatal(err)
			}
			if err := row.call(t.Context(), c, s.ID); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}
