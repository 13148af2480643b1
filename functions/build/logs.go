package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"siesta/shared/e2b/envd"
	"siesta/shared/job"
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
	var p envd.Progress
	offset, limit := t.unread(name)
	err := t.look(ctx, func(ctx context.Context) (err error) {
		if offset < 0 {
			p, err = t.envd.TailStep(ctx, t.dir(name), limit)
		} else {
			p, err = t.envd.ReadStep(ctx, t.dir(name), offset, limit)
		}
		return err
	})
	if err != nil {
		return p, err
	}
	return t.show(ctx, name, p), nil
}

// unread is what a look reads of a command's output: what follows the last look's, or
// the end of what is for nobody.
func (t *turn) unread(name string) (offset int64, limit int) {
	if ownStep(name) {
		return -1, lastBytes
	}
	return readFrom(t.progress.LogOffset), logChunk
}

// show publishes what a look has read.
func (t *turn) show(ctx context.Context, name string, p envd.Progress) envd.Progress {
	if ownStep(name) {
		return p
	}
	offset := t.progress.LogOffset
	if from := readFrom(offset); p.From > from { // it may begin within a line
		t.leftOut(ctx, p.From-from)
		offset = p.From + 1
	}
	cut := len(p.Output) < logChunk && p.Next < p.Size // within a line, too
	output, next := wholeLines(p.Output, offset, logChunk, p.Phase != envd.StepRunning && !cut)
	if cut {
		next = p.Next + 1
	}
	if len(output) > 0 {
		t.publish(ctx, "stdout", t.redact.lines(string(output), logLine)...)
	}
	t.progress.LogOffset = next
	return p
}

// leftOut says that so many bytes of a command's output are not shown.
func (t *turn) leftOut(ctx context.Context, bytes int64) {
	if bytes > 0 {
		t.say(ctx, fmt.Sprintf("... %d bytes of output are left out ...", bytes))
	}
}

// readFrom is where to read on from offset: one byte earlier, which tells
// whether a line begins at offset or goes on.
func readFrom(offset int64) int64 { return max(offset-1, 0) }

// wholeLines returns the lines of a chunk of at most limit bytes that was read
// for offset, and the next offset. A line is shown whole or not at all, since
// half of one may be half of a secret: one that is not over yet waits for the
// next look, and one that fills a chunk is passed over up to its end.
func wholeLines(chunk []byte, offset int64, limit int, ended bool) (lines []byte, next int64) {
	begin, end, full := 0, len(chunk), len(chunk) >= limit
	if offset > 0 {
		if begin = bytes.IndexAny(chunk, lineEnds) + 1; begin == 0 {
			begin = len(chunk)
		}
	}
	if full || !ended {
		end = bytes.LastIndexAny(chunk, lineEnds) + 1
	}
	switch {
	case end > begin:
		return chunk[begin:end], readFrom(offset) + int64(end)
	case begin > 1: // what is left of a line that is passed over
		return nil, readFrom(offset) + int64(begin)
	case full:
		return nil, readFrom(offset) + int64(len(chunk))
	default:
		return nil, offset
	}
}

// say adds a line of our own to the job's log stream.
func (t *turn) say(ctx context.Context, text string) {
	t.publish(ctx, "system", t.redact.clean(text))
}

// publish adds lines, without secrets, to the job's log stream, as far as there
// is a cache.
func (t *turn) publish(ctx context.Context, source string, texts ...string) {
	now := time.Now().UTC()
	lines := make([]job.LogLine, 0, len(texts))
	for _, text := range texts {
		lines = append(lines, job.LogLine{Time: now, Source: source, Text: text, Phase: phase(t.j.Status)})
	}
	if err := t.cache.AppendLogs(ctx, t.j.ID, lines); err != nil {
		t.log.WarnContext(ctx, "append logs", "error", err)
	}
}

// lastOutput is the end of a command's output, with its secrets, from the beginning
// of a line on; "" where that cannot be read.
func (t *turn) lastOutput(ctx context.Context, name string) string {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	p, err := t.envd.TailStep(ctx, t.dir(name), lastBytes)
	if err != nil {
		t.log.WarnContext(ctx, "read last output", "step", name, "error", err)
		return ""
	}
	output, _ := wholeLines(p.Output, p.Size-int64(len(p.Output)), lastBytes+1, true)
	return string(output)
}

// lastLines are those of a command's last output that tell most, to close an error
// message with.
func (t *turn) lastLines(output string) string {
	if lines := t.redact.tail(output); lines != "" {
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
