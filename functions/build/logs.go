package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/redis"
)

const (
	// logChunk is how much of a command's output one look publishes at most.
	logChunk = 256 << 10
	// logLine is the longest line that is published.
	logLine = 2000
	// lastBytes of a failed command's output are searched for its last lines.
	lastBytes = 16 << 10
)

// watch looks at a command and publishes what it has printed since the last
// look.
func (t *turn) watch(ctx context.Context, name string) (envd.Progress, error) {
	p, err := t.envd.ReadStep(ctx, t.dir(name), t.j.LogOffset, logChunk)
	if err != nil {
		return p, fmt.Errorf("look at %s: %w", name, err)
	}
	output := p.Output
	if p.Phase == envd.StepRunning && len(output) < logChunk {
		// A line is published when it is whole: half of one may be half of a
		// secret.
		output = output[:bytes.LastIndexByte(output, '\n')+1]
	}
	if len(output) > 0 {
		t.logLines(ctx, "stdout", t.redact.lines(string(output), logLine))
		t.j.LogOffset += int64(len(output))
	}
	return p, nil
}

// logLines adds lines to the job's log stream, as far as there is a cache.
func (t *turn) logLines(ctx context.Context, source string, texts []string) {
	now := time.Now().UTC()
	lines := make([]redis.LogLine, 0, len(texts))
	for _, text := range texts {
		if source == "system" {
			text = t.redact.clean(text)
		}
		lines = append(lines, redis.LogLine{Time: now, Source: source, Text: text, Phase: phase(t.j.Status)})
	}
	if err := t.cache.AppendLogs(ctx, t.j.ID, lines); err != nil {
		t.log.WarnContext(ctx, "append logs", "error", err)
	}
}

// lastLines is the end of a command's output, to close an error message with.
func (t *turn) lastLines(ctx context.Context, name string) string {
	p, err := t.envd.TailStep(ctx, t.dir(name), lastBytes)
	if err != nil {
		t.log.WarnContext(ctx, "read last output", "step", name, "error", err)
		return ""
	}
	if lines := t.redact.tail(string(p.Output)); lines != "" {
		return " Its last output was:\n" + lines
	}
	return ""
}

// phase is what readers of the log stream call a status.
func phase(s job.Status) string {
	if s == job.Deps {
		return "install"
	}
	return string(s)
}
