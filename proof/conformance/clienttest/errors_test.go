package clienttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b"
	"siesta/shared/job"
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
		{"create, limit", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.LimitReached}, create, job.ErrSandboxLimit},
		{"create, rate", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.RateLimited}, create, job.ErrRateLimited},
		{"create, answer lost", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.AnswerLost}, create, job.ErrUnknownOutcome},
		{"create, cut half way", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.CutHalfway}, create, job.ErrUnknownOutcome},
		{"create, 500", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.ErrorAnswer}, create, job.ErrUnknownOutcome},
		{"create, 400", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.ErrorAnswer, Status: 400}, create, job.ErrSandboxRefused},
		{"create, 504 in front", e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.GatewayTimeout}, create, job.ErrUnknownOutcome},
		{"connect, 500", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer}, connect, job.ErrSandboxFailed},
		{"connect, 503", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer, Status: 503}, connect, job.ErrUnknownOutcome},
		{"connect, vanished", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Vanish}, connect, job.ErrSandboxNotFound},
		{"connect, 409", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer, Status: 409}, connect, job.ErrSandboxInTransition},
		{"connect, cut half way", e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.CutHalfway}, connect, job.ErrUnknownOutcome},
		{"pause, state destroyed", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.Destroy}, pause, job.ErrSandboxFailed},
		{"pause, 504 in front", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.GatewayTimeout}, pause, job.ErrUnknownOutcome},
		{"pause, done, 504 in front", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.TimeoutAfter}, pause, job.ErrUnknownOutcome},
		{"pause, answer lost", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.AnswerLost}, pause, job.ErrUnknownOutcome},
		{"pause, 403", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: 403}, pause, job.ErrSandboxRefused},
		{"pause, 401", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: 401, Times: -1}, pause, job.ErrE2BKey},
		{"pause, 401 once", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer, Status: 401}, pause, nil},
		{"pause, vanished", e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.Vanish}, pause, job.ErrSandboxNotFound},
		{"kill, answer lost", e2bsim.Fault{Call: e2bsim.Kill, Action: e2bsim.AnswerLost}, kill, job.ErrUnknownOutcome},
		{"kill, vanished", e2bsim.Fault{Call: e2bsim.Kill, Action: e2bsim.Vanish}, kill, job.ErrSandboxNotFound},
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
