package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// decode returns the only line of w.
func decode(t *testing.T, w *bytes.Buffer) map[string]any {
	t.Helper()
	var line map[string]any
	if err := json.Unmarshal(w.Bytes(), &line); err != nil {
		t.Fatalf("%q: %v", w, err)
	}
	return line
}

func TestLinesAreWhatLambdaReads(t *testing.T) {
	var w bytes.Buffer
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	ctx = With(ctx, "job_id", "j1", "turn", 1)
	later := With(ctx, "turn", 2)
	New(&w, "info").With("function", "build").InfoContext(later, "step done", "step", "deps")

	line := decode(t, &w)
	for key, want := range map[string]any{
		"level": "INFO", "message": "step done", "request_id": "req-1",
		"job_id": "j1", "turn": 2.0, "step": "deps", "function": "build",
	} {
		if line[key] != want {
			t.Errorf("%s = %v, want %v", key, line[key], want)
		}
	}
	at, err := time.Parse(time.RFC3339, line["timestamp"].(string))
	if err != nil || at.Location() != time.UTC {
		t.Errorf("timestamp = %v, %v", at, err)
	}

	w.Reset()
	New(&w, "info").InfoContext(ctx, "x")
	if got := decode(t, &w)["turn"]; got != 1.0 {
		t.Errorf("a later With changed the older context: turn = %v", got)
	}

	w.Reset()
	New(&w, "info").InfoContext(ctx, "x", "job_id", "j2")
	if decode(t, &w)["job_id"] != "j2" || bytes.Count(w.Bytes(), []byte("job_id")) != 1 {
		t.Errorf("the line's own job_id is not the only one: %s", &w)
	}
}

func TestLevelDecides(t *testing.T) {
	for level, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
		"": slog.LevelInfo, "loud": slog.LevelInfo,
	} {
		l := New(&bytes.Buffer{}, level)
		if !l.Enabled(context.Background(), want) || l.Enabled(context.Background(), want-1) {
			t.Errorf("%q does not begin at %v", level, want)
		}
	}
}

func TestLinesOfPackageLogAreErrors(t *testing.T) {
	logger, writer, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(logger)
		log.SetOutput(writer)
		log.SetFlags(flags)
		slog.SetLogLoggerLevel(slog.LevelInfo)
	})
	var w bytes.Buffer
	Setup(&w, "info")
	log.Print("handler returned an error")
	line := decode(t, &w)
	if line["level"] != "ERROR" || line["message"] != "handler returned an error" {
		t.Errorf("got %v", line)
	}
}
