package envd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/shared/e2b"
)

func TestRun(t *testing.T) {
	d, c := newDaemon(t, nil)
	for _, row := range []struct {
		script, stdout, stderr string
		exit                   int
	}{
		{"echo out; echo err >&2; exit 7", "out\n", "err\n", 7},
		{"true", "", "", 0},
		{`printf '\377\0'`, "\xff\x00", "", 0},
		{"kill -9 $$", "", "", -1},
		{"pwd; echo $X", d.home + "\nvalue\n", "", 0},
	} {
		cmd := Command{Path: "/bin/bash", Args: []string{"-c", row.script}, Env: map[string]string{"X": "value"}}
		got, err := c.Run(t.Context(), cmd, 1<<10)
		if err != nil || string(got.Stdout) != row.stdout || string(got.Stderr) != row.stderr || got.ExitCode != row.exit {
			t.Errorf("%s: got %d, %q, %q, %v", row.script, got.ExitCode, got.Stdout, got.Stderr, err)
		}
	}
}

// TestCallsShareAConnection: to a hosted sandbox each new one costs a TLS
// handshake.
func TestCallsShareAConnection(t *testing.T) {
	callers := map[string]bool{}
	_, c := newDaemon(t, func(_ http.ResponseWriter, r *http.Request) bool {
		callers[r.RemoteAddr] = true
		return false
	})
	for range 5 {
		if _, err := c.Run(t.Context(), Command{Path: "/bin/echo", Args: []string{"x"}}, 1<<10); err != nil {
			t.Fatal(err)
		}
		if _, err := c.List(t.Context(), "/home/user/."); err != nil {
			t.Fatal(err)
		}
	}
	if len(callers) != 1 {
		t.Errorf("10 calls made %d connections", len(callers))
	}
}

// TestAStreamThatIsKeptOpenIsLeft: user code runs beside envd, and may stand in
// its place.
func TestAStreamThatIsKeptOpenIsLeft(t *testing.T) {
	ends := make(chan struct{})
	_, c := newDaemon(t, func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		for _, event := range []string{`{"start":{"pid":7}}`, `{"end":{"exited":true,"exitCode":3,"status":"exit status 3"}}`} {
			message := `{"event":` + event + `}`
			_, _ = w.Write(append([]byte{0, 0, 0, 0, byte(len(message))}, message...))
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(ends)
		return true
	})
	begun := time.Now()
	got, err := c.Run(t.Context(), Command{Path: "/bin/true"}, 1<<10)
	if took := time.Since(begun); err != nil || got.ExitCode != 3 || took > callTime/2 {
		t.Errorf("got %d, %v after %v", got.ExitCode, err, took)
	}
	<-ends // nothing is left open
}

func TestRunBoundsItsOutput(t *testing.T) {
	d, c := newDaemon(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := c.Run(ctx, Command{Path: "/bin/bash", Args: []string{"-c", "head -c 2000 /dev/zero; until [ -e seen ]; do sleep 0.01; done"}}, 1<<10)
	if !errors.Is(err, e2b.ErrUnknown) || ctx.Err() != nil {
		t.Errorf("got %v, %v", err, ctx.Err())
	}
	d.write("seen") // it ends
}

// TestFailures is the error table of the data plane, for a file, a plain RPC
// and a stream: what the edge says, what envd says, and what neither does.
func TestFailures(t *testing.T) {
	edge := func(code int, rest string) string {
		return fmt.Sprintf(`{"sandboxId":"i1","message":"words","code":%d%s}`, code, rest)
	}
	rpc := func(code string) string { return fmt.Sprintf(`{"code":%q,"message":"words"}`, code) }
	for _, row := range []struct {
		name       string
		status     int
		body       string
		retryAfter string
		file, call error
	}{
		{"edge: no such sandbox runs", 502, edge(502, ""), "", e2b.ErrNotFound, e2b.ErrNotFound},
		{"edge: envd does not listen", 502, edge(502, `,"port":49983`), "", e2b.ErrUnknown, e2b.ErrUnknown},
		{"edge: in transition", 409, edge(409, ""), "", e2b.ErrInTransition, e2b.ErrInTransition},
		{"edge: token", 403, edge(403, ""), "", e2b.ErrKey, e2b.ErrKey},
		{"edge: limit", 429, edge(429, ""), "", e2b.ErrLimit, e2b.ErrLimit},
		{"edge: rate", 429, edge(429, ""), "3", e2b.ErrRateLimited, e2b.ErrRateLimited},
		{"edge: bad host", 400, edge(400, ""), "", e2b.ErrRefused, e2b.ErrRefused},
		{"something in front", 504, "upstream request timeout", "", e2b.ErrUnknown, e2b.ErrUnknown},
		{"token", 401, `{"code":401,"message":"words"}`, "", e2b.ErrKey, e2b.ErrKey},
		{"not found", 404, rpc("not_found"), "", fs.ErrNotExist, fs.ErrNotExist},
		{"bad argument", 400, rpc("invalid_argument"), "", e2b.ErrRefused, e2b.ErrRefused},
		{"disk full", 507, `{"code":507,"message":"words"}`, "", e2b.ErrNoSpace, e2b.ErrUnknown},
		{"envd broke", 500, rpc("internal"), "", e2b.ErrUnknown, e2b.ErrUnknown},
		{"cut", 0, "", "", e2b.ErrUnknown, e2b.ErrUnknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, c := newDaemon(t, func(w http.ResponseWriter, r *http.Request) bool {
				_, _ = io.Copy(io.Discard, r.Body)
				if row.status == 0 {
					panic(http.ErrAbortHandler)
				}
				if row.retryAfter != "" {
					w.Header().Set("Retry-After", row.retryAfter)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(row.status)
				_, _ = io.WriteString(w, row.body)
				return true
			})
			_, err := c.ReadFile(t.Context(), "/f", 0, 1)
			check(t, "file", err, row.file)
			_, err = c.List(t.Context(), "/f")
			check(t, "call", err, row.call)
			_, err = c.TailStep(t.Context(), stepDir, 1)
			want := row.call
			if want == fs.ErrNotExist || row.status == 400 && strings.Contains(row.name, "argument") {
				return // a stream's own errors come inside it
			}
			check(t, "stream", err, want)
		})
	}
}

func check(t *testing.T, what string, err, want error) {
	t.Helper()
	var typed *e2b.Error
	if !errors.As(err, &typed) || !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
	if err != nil && strings.Contains(err.Error(), token) {
		t.Errorf("%s: error tells the token: %v", what, err)
	}
}

// TestStreamsOwnFailure arrives inside a stream whose status is 200.
func TestStreamsOwnFailure(t *testing.T) {
	frame := func(flag byte, body string) string { return string([]byte{flag, 0, 0, 0, byte(len(body))}) + body }
	for name, row := range map[string]struct {
		body string
		want error
	}{
		"bad folder":             {frame(2, `{"error":{"code":"invalid_argument","message":"cwd"}}`), e2b.ErrRefused},
		"no room to fork":        {frame(2, `{"error":{"code":"resource_exhausted","message":"fork"}}`), e2b.ErrNoProcess},
		"no end of the command":  {frame(0, `{"event":{"start":{"pid":7}}}`) + frame(2, `{}`), e2b.ErrUnknown},
		"no end of the stream":   {frame(0, `{"event":{"start":{"pid":7}}}`), e2b.ErrUnknown},
		"killed by a kill timer": {frame(2, `{"error":{"code":"deadline_exceeded"}}`), e2b.ErrUnknown},
		"no frames":              {"<html>", e2b.ErrUnknown},
	} {
		_, c := newDaemon(t, func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/connect+json")
			_, _ = io.WriteString(w, row.body)
			return true
		})
		_, err := c.Run(t.Context(), Command{Path: "/bin/true"}, 1<<10)
		check(t, name, err, row.want)
	}
}

func TestOldEnvdGetsAUser(t *testing.T) {
	for version, want := range map[string]string{"0.3.9": "Basic dXNlcjo=", "0.4.0": "", "0.6.13": "", "1.0": "", "": "", "x.y": ""} {
		got := headers(Config{Version: version}).Get("Authorization")
		if got != want {
			t.Errorf("%q: got %q, want %q", version, got, want)
		}
	}
}
