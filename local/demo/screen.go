package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// screen shows stages, one a line. On a terminal the present stage's line also
// shows the newest line of the log, and grows no others.
type screen struct {
	to       io.Writer
	terminal bool
	open     bool // the last line shows a log line and has no end yet
	line     string
	at       time.Duration // when line was shown
}

func newScreen(file *os.File) screen {
	info, err := file.Stat()
	return screen{to: file, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (s *screen) stage(elapsed time.Duration, label string) {
	s.done()
	if s.terminal {
		fmt.Fprintf(s.to, "%s", stageLine(elapsed, label))
		s.open = true
		return
	}
	fmt.Fprintln(s.to, stageLine(elapsed, label))
}

func (s *screen) log(elapsed time.Duration, label, line string) {
	const width, often = 60, time.Second
	if len(line) > width {
		line = strings.ToValidUTF8(line[:width], "")
	}
	if line == s.line || !s.terminal && elapsed-s.at < often {
		return
	}
	s.line, s.at = line, elapsed
	if !s.terminal {
		fmt.Fprintf(s.to, "%s  %s\n", stageLine(elapsed, ""), line)
		return
	}
	fmt.Fprintf(s.to, "\r\x1b[K%s  %s", stageLine(elapsed, label), line)
}

func (s *screen) done() {
	if s.open {
		fmt.Fprintln(s.to)
		s.open = false
	}
}

func stageLine(elapsed time.Duration, label string) string {
	return fmt.Sprintf("  %6.2f s  %-28s", elapsed.Seconds(), label)
}
