package demo

import (
	"strings"
	"testing"
)

// TestAPipeGetsWholeLines: without a terminal, each stage is a line of its own
// and nothing is written over.
func TestAPipeGetsWholeLines(t *testing.T) {
	var b strings.Builder
	s := screen{to: &b}
	s.stage(0, "Queued...")
	s.log(2e9, "Queued...", "npm ci "+strings.Repeat("é", 60))
	s.log(2.1e9, "Queued...", "too soon")
	s.stage(3e9, "Build complete!")
	s.done()
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || strings.ContainsAny(b.String(), "\r\x1b\uFFFD") || !strings.Contains(lines[1], "npm ci") {
		t.Errorf("got %q", b.String())
	}
}
