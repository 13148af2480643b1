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
)

// calls makes each call that a lifecycle needs, on one client.
func calls(c *Client) map[Op]func(context.Context) error {
	return map[Op]func(context.Context) error{
		OpCreate: func(ctx context.Context) error {
			_, err := c.Create(ctx, Create{Template: "base", Timeout: time.Minute})
			return err
		},
		OpGet:     func(ctx context.Context) error { _, err := c.Get(ctx, "i1"); return err },
		OpList:    func(ctx context.Context) error { _, err := c.List(ctx, Filter{}); return err },
		OpConnect: func(ctx context.Context) error { _, _, err := c.Connect(ctx, "i1", time.Minute); return err },
		OpPause:   func(ctx context.Context) error { return c.Pause(ctx, "i1") },
		OpKill:    func(ctx context.Context) error { return c.Kill(ctx, "i1") },
	}
}

var (
	anyOp    = []Op{OpCreate, OpGet, OpList, OpConnect, OpPause, OpKill}
	changing = []Op{OpCreate, OpConnect, OpPause, OpKill}
	byID     = []Op{OpGet, OpConnect, OpPause, OpKill}
	ending   = []Op{OpConnect, OpPause, OpKill}
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
		{"bad request", anyOp, respond(400, own("400", "")), ErrRefused},
		{"plan does not pay for it", anyOp, respond(402, own("402", "")), ErrRefused},
		{"forbidden", anyOp, respond(403, own("403", "")), ErrRefused},
		{"forbidden by something in front", anyOp, respond(403, "<html>no"), ErrUnknown},
		{"key refused twice", anyOp, respond(401, own("401", "")), ErrKey},
		{"unknown sandbox", byID, respond(404, own("404", "")), ErrNotFound},
		{"not found, says something in front", anyOp, respond(404, "404 page not found"), ErrUnknown},
		{"not found, in the JSON of something in front", anyOp, respond(404, `{"message":"no Route matched"}`), ErrUnknown},
		{"unknown template", []Op{OpCreate}, respond(404, own("404", "")), ErrRefused},
		{"paused already", []Op{OpPause}, respond(409, own("409", "")), ErrPaused},
		{"paused already, says the body alone", []Op{OpPause}, respond(404, own("409", "")), ErrUnknown},
		{"in transition", []Op{OpCreate, OpGet, OpList, OpConnect, OpKill}, respond(409, own("409", "")), ErrInTransition},
		{"guest hung at its pause", []Op{OpConnect}, respond(409, own("409", `,"error_code":"sandbox_snapshot_guest_agent_unresponsive"`)), ErrGuestHung},
		{"guest hung at its pause, says something in front", []Op{OpConnect}, respond(409, "sandbox_snapshot_guest_agent_unresponsive"), ErrUnknown},
		{"in transition, says something in front", anyOp, respond(409, "conflict"), ErrUnknown},
		{"concurrency limit", changing, respond(429, own("429", "")), ErrLimit},
		{"rate limit", changing, respond(429, own("429", ""), "Retry-After", "1"), ErrRateLimited},
		{"rate limit, said as a date", changing, respond(429, "", "Retry-After", "Fri, 31 Dec 2100 23:59:59 GMT"), ErrRateLimited},
		{"key of a create that is under way", []Op{OpCreate}, respond(409, own("409", `,"error_code":"idempotency_in_progress"`)), ErrUnknown},
		{"key of another create", []Op{OpCreate}, respond(409, own("409", `,"error_code":"idempotency_request_mismatch"`)), ErrUnknown},
		{"key of a create that nobody knows the end of", []Op{OpCreate}, respond(422, own("422", `,"error_code":"idempotency_outcome_unknown"`)), ErrUnknown},
		{"ended badly", ending, respond(500, own("500", "")), ErrFailed},
		{"ended badly, with a code", ending, respond(500, own("500", `,"error_code":"internal_server_error"`)), ErrFailed},
		{"create ended badly: a sandbox may be left", []Op{OpCreate}, respond(500, own("500", `,"error_code":"sandbox_create_failed"`)), ErrUnknown},
		{"500 of something in front", changing, respond(500, "oops"), ErrUnknown},
		{"no node will ever take it", []Op{OpCreate, OpConnect}, respond(500, own("500", `,"error_code":"sandbox_create_refused"`)), ErrRefused},
		{"no capacity", []Op{OpCreate, OpConnect}, respond(503, own("503", `,"error_code":"sandbox_capacity_unavailable"`)), ErrNoCapacity},
		{"no compatible node", []Op{OpCreate, OpConnect}, respond(503, own("503", `,"error_code":"sandbox_no_compatible_node"`)), ErrNoCapacity},
		{"no capacity, says something in front", []Op{OpCreate, OpConnect}, respond(503, "sandbox_capacity_unavailable"), ErrUnknown},
		{"placement timed out: a node may have been at work", []Op{OpCreate, OpConnect}, respond(504, own("504", `,"error_code":"sandbox_placement_timeout"`)), ErrUnknown},
		{"bad gateway", anyOp, respond(502, "bad gateway"), ErrUnknown},
		{"unavailable", []Op{OpCreate, OpGet, OpList, OpConnect, OpKill}, respond(503, own("503", "")), ErrUnknown},
		{"node is busy, the sandbox runs on", []Op{OpPause}, respond(503, own("503", ""), "Retry-After", "1"), ErrBusy},
		{"unavailable, says something in front", anyOp, respond(503, "no"), ErrUnknown},
		{"unavailable, says the body alone", []Op{OpPause}, respond(502, own("503", "")), ErrUnknown},
		{"unavailable, says the status alone", []Op{OpPause}, respond(503, own("504", "")), ErrUnknown},
		{"load balancer gave up", anyOp, respond(504, "upstream request timeout"), ErrUnknown},
		{"request timed out in front", anyOp, respond(408, ""), ErrUnknown},
		{"cut without an answer", anyOp, vanish, ErrUnknown},
		{"redirect", anyOp, respond(307, "", "Location", "/elsewhere"), ErrUnknown},
		{"success of another kind", anyOp, respond(202, "{}"), ErrUnknown},
		{"error in a success", []Op{OpPause, OpKill}, respond(200, own("409", "")), ErrUnknown},
		{"the body's code is the finer", []Op{OpKill}, respond(400, own("404", "")), ErrNotFound},
		{"5xx in the body counts", []Op{OpPause}, respond(409, own("500", "")), ErrFailed},
		{"5xx of the status counts", []Op{OpPause}, respond(502, own("409", "")), ErrUnknown},
		{"answer cut half way", []Op{OpConnect, OpGet, OpList}, cut, ErrUnknown},
		{"answer is no JSON", []Op{OpConnect, OpGet, OpList}, respond(200, "<html>"), ErrUnknown},
		{"created, answer is no JSON", []Op{OpCreate}, respond(201, "<html>"), ErrUnknown},
		{"created, id is no id", []Op{OpCreate}, respond(201, `{"sandboxID":"../x"}`), ErrUnknown},
		{"answer names another sandbox", []Op{OpConnect, OpGet}, respond(200, `{"sandboxID":"i2"}`), ErrUnknown},
		{"answer names no sandbox", []Op{OpConnect, OpGet}, respond(200, `{}`), ErrUnknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, op := range row.ops {
				s := newServer(t, row.answer)
				err := calls(newClient(t, Config{APIURL: s.URL}))[op](t.Context())
				checkKind(t, op, err, row.want)
				most := 1
				if row.want == ErrKey {
					most = 2
				}
				if got := len(s.seen()); op.changes() && got > most {
					t.Errorf("%s: sent %d times, want %d", op, got, most)
				}
			}
		})
	}
}

// checkKind wants err to be an *Error that matches want and no other
// outcome, and tells no secret.
func checkKind(t *testing.T, op Op, err, want error) {
	t.Helper()
	var typed *Error
	if !errors.As(err, &typed) {
		t.Fatalf("%s: got %T %v, want *Error", op, err, err)
	}
	for name, outcome := range outcomes(t) {
		if got := errors.Is(err, outcome); got != (outcome == want) {
			t.Errorf("%s: %v: matches %s: %v, want the one outcome %q", op, err, name, got, want)
		}
	}
	if strings.Contains(err.Error(), testKey) {
		t.Errorf("%s: error tells the key: %v", op, err)
	}
}

// outcomes are those of outcome.go. That none is missing here is checked against
// its source.
func outcomes(t *testing.T) map[string]error {
	t.Helper()
	all := map[string]error{
		"ErrNotFound": ErrNotFound, "ErrPaused": ErrPaused, "ErrInTransition": ErrInTransition, "ErrGuestHung": ErrGuestHung,
		"ErrRefused": ErrRefused, "ErrKey": ErrKey, "ErrLimit": ErrLimit, "ErrRateLimited": ErrRateLimited,
		"ErrFailed": ErrFailed, "ErrNoCapacity": ErrNoCapacity, "ErrBusy": ErrBusy, "ErrNotSent": ErrNotSent, "ErrUnknown": ErrUnknown,
	}
	file, err := parser.ParseFile(token.NewFileSet(), "outcome.go", nil, 0)
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
