package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
)

// TestMain makes the process a warm one, whose calls write nothing by themselves.
func TestMain(m *testing.M) {
	metrics.Gather(context.Background())
	os.Exit(m.Run())
}

// call runs serve behind Handle and returns the answer, its decoded body and
// what was logged.
func call(t *testing.T, serve func(context.Context, Request) (Answer, error)) (Response, map[string]any, string) {
	t.Helper()
	var logged bytes.Buffer
	r := Request{RouteKey: "POST /x"}
	r.RequestContext.RequestID = "gw-1"
	resp, err := Handle(slog.New(slog.NewJSONHandler(&logged, nil)), serve)(context.Background(), r)
	if err != nil {
		t.Fatalf("handler error = %v, want nil", err)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(resp.Body), &body); err != nil {
		t.Fatalf("body %q: %v", resp.Body, err)
	}
	return resp, body, logged.String()
}

func TestAnswerIsWrittenAsJSON(t *testing.T) {
	resp, body, logged := call(t, func(context.Context, Request) (Answer, error) {
		return Answer{Status: 202, Body: map[string]string{"a": "b"}, RetryAfter: 1500 * time.Millisecond}, nil
	})
	if resp.StatusCode != 202 || body["a"] != "b" || logged != "" {
		t.Errorf("got %d %v, logged %q", resp.StatusCode, body, logged)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store",
		"Retry-After": "2", "X-Request-Id": "gw-1",
	} {
		if got := resp.Headers[name]; got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
}

func TestErrorsAnswerInSafeWordsAndAreLogged(t *testing.T) {
	secret := errors.New("dial tcp 10.0.0.7: password=hunter2")
	tests := []struct {
		name   string
		err    error
		status int
		detail string
	}{
		{"unforeseen", secret, 500, "Internal server error"},
		{"missing", fmt.Errorf("read: %w: %w", job.ErrNotFound, secret), 404, "Job not found"},
		{"foreign as missing", job.ErrForeign, 404, "Job not found"},
		{"not ready", job.ErrNotReady, 422, "READY"},
		{"terminal", job.ErrTerminal, 409, "terminal state"},
		{"store down", fmt.Errorf("%w: %w", job.ErrUnavailable, secret), 503, "unavailable"},
		{"field", fmt.Errorf("start: %w", &job.InvalidError{Field: "port", Reason: "must be a number"}), 422, "port must be a number"},
		{"no JSON", parseError(t, "{"), 400, "body must be a JSON object"},
		{"no object", parseError(t, "[]"), 400, "body must be a JSON object"},
		{"wrong type of a field", parseError(t, `{"goal":1}`), 422, "goal must be a string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body, logged := call(t, func(context.Context, Request) (Answer, error) { return Answer{}, tt.err })
			detail, _ := body["detail"].(string)
			if resp.StatusCode != tt.status || !strings.Contains(detail, tt.detail) {
				t.Errorf("got %d %q, want %d with %q", resp.StatusCode, detail, tt.status, tt.detail)
			}
			if strings.Contains(resp.Body, "hunter2") {
				t.Errorf("internal text leaked: %s", resp.Body)
			}
			id, _ := body["debug_id"].(string)
			if !job.IsID(id) || !strings.Contains(logged, id) || !strings.Contains(logged, `"route":"POST /x"`) {
				t.Errorf("debug_id %q is not in the log: %s", id, logged)
			}
		})
	}
}

// The lines of a call tell what set them off, and its job if the path names
// one.
func TestLinesTellTheJobAndTheCorrelation(t *testing.T) {
	const id = "7f1c0d9e-52a3-4b8e-9f60-1d2e3c4b5a69"
	for path, want := range map[string]any{strings.ToUpper(id): id, "x": nil} {
		var w bytes.Buffer
		log := logging.New(&w, "info")
		r := Request{PathParameters: map[string]string{"job_id": path}}
		r.RequestContext.RequestID = "gw-1"
		_, _ = Handle(log, func(ctx context.Context, _ Request) (Answer, error) {
			log.InfoContext(ctx, "served")
			return Answer{}, job.ErrNotReady
		})(t.Context(), r)
		lines := strings.Split(strings.TrimSpace(w.String()), "\n")
		if len(lines) != 2 {
			t.Fatalf("%d lines, want serve's and the failure's: %s", len(lines), &w)
		}
		for _, text := range lines {
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil || line["job_id"] != want || line["correlation_id"] != "gw-1" {
				t.Errorf("path %s: got %s", path, text)
			}
		}
	}
}

func parseError(t *testing.T, body string) error {
	t.Helper()
	_, err := job.ParseRequest([]byte(body), "u", job.Allowed{Templates: []string{"base"}})
	if err == nil {
		t.Fatalf("request %s was accepted", body)
	}
	return err
}

func TestSandboxErrorsTellTheirType(t *testing.T) {
	for err, want := range map[error]string{
		job.ErrSandboxExpired:     "sandbox_expired",
		job.ErrSandboxUnreachable: "sandbox_unreachable",
		fmt.Errorf("connect: %w: %w", job.ErrSandboxUnreachable, errors.New("too many run")): "sandbox_unreachable",
	} {
		resp, body, _ := call(t, func(context.Context, Request) (Answer, error) { return Answer{}, err })
		detail, _ := body["detail"].(map[string]any)
		if resp.StatusCode != 503 || detail["error_type"] != want || detail["message"] == "" {
			t.Errorf("%v: got %d %s, want 503 with %s", err, resp.StatusCode, resp.Body, want)
		}
	}
}

func TestRetryAfterOnWhatMayBeRetried(t *testing.T) {
	for _, err := range []error{job.ErrUnavailable, job.ErrSandboxBusy, job.ErrSandboxUnreachable} {
		resp, _, _ := call(t, func(context.Context, Request) (Answer, error) { return Answer{}, err })
		if resp.Headers["Retry-After"] == "" {
			t.Errorf("%v: no Retry-After", err)
		}
	}
}

func TestUnauthenticatedNamesTheScheme(t *testing.T) {
	resp, _, _ := call(t, func(context.Context, Request) (Answer, error) { return Answer{}, job.ErrUnauthenticated })
	if got := resp.Headers["WWW-Authenticate"]; resp.StatusCode != http.StatusUnauthorized || got != "Bearer" {
		t.Errorf("got %d, WWW-Authenticate %q", resp.StatusCode, got)
	}
}

func TestPanicIsAnInternalError(t *testing.T) {
	resp, _, logged := call(t, func(context.Context, Request) (Answer, error) { panic("hunter2") })
	if resp.StatusCode != 500 || strings.Contains(resp.Body, "hunter2") {
		t.Errorf("got %d %s", resp.StatusCode, resp.Body)
	}
	if !strings.Contains(logged, "hunter2") || !strings.Contains(logged, "handle_test.go") {
		t.Errorf("the log does not tell what panicked where: %s", logged)
	}
}

func TestAnswerThatCannotBeEncodedIsAnInternalError(t *testing.T) {
	resp, _, logged := call(t, func(context.Context, Request) (Answer, error) {
		return Answer{Status: 200, Body: func() {}}, nil
	})
	if resp.StatusCode != 500 || logged == "" {
		t.Errorf("got %d %s, logged %q", resp.StatusCode, resp.Body, logged)
	}
}

func TestContextEndsBeforeTheInvocation(t *testing.T) {
	end := time.Now().Add(time.Minute)
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	var got time.Time
	_, _ = Handle(slog.New(slog.DiscardHandler), func(ctx context.Context, _ Request) (Answer, error) {
		got, _ = ctx.Deadline()
		return Answer{Status: 200}, nil
	})(ctx, Request{})
	if !got.Before(end) || got.IsZero() {
		t.Errorf("deadline = %v, want one before %v", got, end)
	}
}
