package e2b

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
)

// calls makes each call that a lifecycle needs, on one client.
func calls(c *Client) map[Op]func(context.Context) error {
	return map[Op]func(context.Context) error{
		OpCreate: func(ctx context.Context) error {
			_, err := c.Create(ctx, Create{"base", time.Minute, nil, nil})
			return err
		},
		OpGet:        func(ctx context.Context) error { _, err := c.Get(ctx, "i1"); return err },
		OpList:       func(ctx context.Context) error { _, err := c.List(ctx, Filter{}); return err },
		OpConnect:    func(ctx context.Context) error { _, _, err := c.Connect(ctx, "i1", time.Minute); return err },
		OpSetTimeout: func(ctx context.Context) error { return c.SetTimeout(ctx, "i1", time.Minute) },
		OpPause:      func(ctx context.Context) error { return c.Pause(ctx, "i1") },
		OpKill:       func(ctx context.Context) error { return c.Kill(ctx, "i1") },
	}
}

var (
	anyOp    = []Op{OpCreate, OpGet, OpList, OpConnect, OpSetTimeout, OpPause, OpKill}
	changing = []Op{OpCreate, OpConnect, OpSetTimeout, OpPause, OpKill}
	byID     = []Op{OpGet, OpConnect, OpSetTimeout, OpPause, OpKill}
	ending   = []Op{OpConnect, OpSetTimeout, OpPause, OpKill}
)

func own(code, rest string) string { return `{"code":` + code + rest + `,"message":"words"}` }

// TestAnswers is the client's error table, row by row. No call that changes
// E2B is made twice for any of these.
func TestAnswers(t *testing.T) {
	for _, row := range []struct {
		name   string
		ops    []Op
		answer http.HandlerFunc
		want   error
	}{
		{"bad request", anyOp, respond(400, own("400", "")), job.ErrSandboxRefused},
		{"plan does not pay for it", anyOp, respond(402, own("402", "")), job.ErrSandboxRefused},
		{"forbidden", anyOp, respond(403, own("403", "")), job.ErrSandboxRefused},
		{"forbidden by something in front", anyOp, respond(403, "<html>no"), job.ErrUnknownOutcome},
		{"key refused twice", anyOp, respond(401, own("401", "")), job.ErrE2BKey},
		{"unknown sandbox", byID, respond(404, own("404", "")), job.ErrSandboxNotFound},
		{"not found, says something in front", anyOp, respond(404, "404 page not found"), job.ErrUnknownOutcome},
		{"not found, in the JSON of something in front", anyOp, respond(404, `{"message":"no Route matched"}`), job.ErrUnknownOutcome},
		{"unknown template", []Op{OpCreate}, respond(404, own("404", "")), job.ErrSandboxRefused},
		{"paused already", []Op{OpPause}, respond(409, own("409", "")), job.ErrSandboxPaused},
		{"paused already, says the body alone", []Op{OpPause}, respond(404, own("409", "")), job.ErrUnknownOutcome},
		{"in transition", []Op{OpCreate, OpGet, OpList, OpConnect, OpSetTimeout, OpKill}, respond(409, own("409", "")), job.ErrSandboxInTransition},
		{"in transition, says something in front", anyOp, respond(409, "conflict"), job.ErrUnknownOutcome},
		{"concurrency limit", changing, respond(429, own("429", "")), job.ErrSandboxLimit},
		{"rate limit", changing, respond(429, own("429", ""), "Retry-After", "1"), job.ErrRateLimited},
		{"rate limit, said as a date", changing, respond(429, "", "Retry-After", "Fri, 31 Dec 2100 23:59:59 GMT"), job.ErrRateLimited},
		{"ended badly", ending, respond(500, own("500", "")), job.ErrSandboxFailed},
		{"ended badly, with a code", ending, respond(500, own("500", `,"error_code":"internal_server_error"`)), job.ErrSandboxFailed},
		{"create ended badly: a sandbox may be left", []Op{OpCreate}, respond(500, own("500", `,"error_code":"sandbox_create_failed"`)), job.ErrUnknownOutcome},
		{"500 of something in front", changing, respond(500, "oops"), job.ErrUnknownOutcome},
		{"no capacity", []Op{OpCreate, OpConnect}, respond(503, own("503", `,"error_code":"sandbox_capacity_unavailable"`)), job.ErrNoCapacity},
		{"no compatible node", []Op{OpCreate, OpConnect}, respond(503, own("503", `,"error_code":"sandbox_no_compatible_node"`)), job.ErrNoCapacity},
		{"no capacity, says something in front", []Op{OpCreate, OpConnect}, respond(503, "sandbox_capacity_unavailable"), job.ErrUnknownOutcome},
		{"placement timed out: a node may have been at work", []Op{OpCreate, OpConnect}, respond(504, own("504", `,"error_code":"sandbox_placement_timeout"`)), job.ErrUnknownOutcome},
		{"bad gateway", anyOp, respond(502, "bad gateway"), job.ErrUnknownOutcome},
		{"unavailable", anyOp, respond(503, own("503", "")), job.ErrUnknownOutcome},
		{"load balancer gave up", anyOp, respond(504, "upstream request timeout"), job.ErrUnknownOutcome},
		{"request timed out in front", anyOp, respond(408, ""), job.ErrUnknownOutcome},
		{"cut without an answer", anyOp, vanish, job.ErrUnknownOutcome},
		{"redirect", anyOp, respond(307, "", "Location", "/elsewhere"), job.ErrUnknownOutcome},
		{"success of another kind", anyOp, respond(202, "{}"), job.ErrUnknownOutcome},
		{"error in a success", []Op{OpPause, OpKill}, respond(200, own("409", "")), job.ErrUnknownOutcome},
		{"the body's code is the finer", []Op{OpKill}, respond(400, own("404", "")), job.ErrSandboxNotFound},
		{"5xx in the body counts", []Op{OpPause}, respond(409, own("500", "")), job.ErrSandboxFailed},
		{"5xx of the status counts", []Op{OpPause}, respond(502, own("409", "")), job.ErrUnknownOutcome},
		{"answer cut half way", []Op{OpConnect, OpGet, OpList}, cut, job.ErrUnknownOutcome},
		{"answer is no JSON", []Op{OpConnect, OpGet, OpList}, respond(200, "<html>"), job.ErrUnknownOutcome},
		{"created, answer is no JSON", []Op{OpCreate}, respond(201, "<html>"), job.ErrUnknownOutcome},
		{"created, id is no id", []Op{OpCreate}, respond(201, `{"sandboxID":"../x"}`), job.ErrUnknownOutcome},
		{"answer names no sandbox", []Op{OpConnect, OpGet}, respond(200, `{}`), job.ErrUnknownOutcome},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, op := range row.ops {
				s := newServer(t, row.answer)
				err := calls(newClient(t, Config{APIURL: s.URL}))[op](t.Context())
				checkKind(t, op, err, row.want)
				most := 1
				if row.want == job.ErrE2BKey {
					most = 2
				}
				if got := len(s.seen()); op.changes() && got > most {
					t.Errorf("%s: sent %d times, want %d", op, got, most)
				}
			}
		})
	}
}

// checkKind wants err to be an *Error that matches want and no other sentinel
// of shared/job, and tells no secret.
func checkKind(t *testing.T, op Op, err, want error) {
	t.Helper()
	var typed *Error
	if !errors.As(err, &typed) {
		t.Fatalf("%s: got %T %v, want *Error", op, err, err)
	}
	for name, sentinel := range sentinels(t) {
		if got := errors.Is(err, sentinel); got != (sentinel == want) {
			t.Errorf("%s: %v: matches %s: %v, want the one sentinel %q", op, err, name, got, want)
		}
	}
	if strings.Contains(err.Error(), testKey) {
		t.Errorf("%s: error tells the key: %v", op, err)
	}
}

// sentinels are the ones that shared/job declares for E2B. That none is missing
// here is checked against its source.
func sentinels(t *testing.T) map[string]error {
	t.Helper()
	all := map[string]error{
		"ErrSandboxNotFound": job.ErrSandboxNotFound, "ErrSandboxPaused": job.ErrSandboxPaused,
		"ErrSandboxInTransition": job.ErrSandboxInTransition, "ErrSandboxRefused": job.ErrSandboxRefused,
		"ErrE2BKey": job.ErrE2BKey, "ErrSandboxLimit": job.ErrSandboxLimit,
		"ErrRateLimited": job.ErrRateLimited, "ErrSandboxFailed": job.ErrSandboxFailed,
		"ErrNoCapacity": job.ErrNoCapacity, "ErrNotSent": job.ErrNotSent, "ErrUnknownOutcome": job.ErrUnknownOutcome,
	}
	file, err := parser.ParseFile(token.NewFileSet(), "../job/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if call, ok := spec.Values[0].(*ast.CallExpr); ok && len(call.Args) == 1 {
			text, _ := call.Args[0].(*ast.BasicLit)
			if text != nil && strings.HasPrefix(text.Value, `"e2b: `) && all[spec.Names[0].Name] == nil {
				t.Errorf("no test knows %s", spec.Names[0].Name)
			}
		}
		return true
	})
	return all
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-1":                            0,
		"99999999999999999999":          0,
		"86400":                         time.Hour,
		"soon":                          0,
		"Sun, 22 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 22 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}
