package main

import (
	"fmt"
	"strings"
	"testing"
)

const chunkSize = 64

// published is what looks at a growing output show, one look after each of the
// sizes and one at the end.
func published(r redactor, output string, sizes ...int) []string {
	var shown []string
	var offset int64
	look := func(size int, ended bool) {
		for { // as often as a look has a whole chunk
			from := readFrom(offset)
			chunk := []byte(output[from:min(int(from)+chunkSize, size)])
			lines, next := wholeLines(chunk, offset, chunkSize, ended)
			shown = append(shown, r.lines(string(lines), logLine)...)
			if next < offset || next == offset && len(chunk) == chunkSize {
				panic(fmt.Sprintf("a look at %d goes on at %d", offset, next))
			}
			offset = next
			if len(chunk) < chunkSize {
				return
			}
		}
	}
	for _, size := range sizes {
		look(size, false)
	}
	look(len(output), true)
	return shown
}

func TestOutputIsPublishedLineByLine(t *testing.T) {
	t.Parallel()
	output := "first\nsecond\rthird\r\n\nlast"
	for a := range len(output) {
		for b := a; b < len(output); b++ {
			if got := strings.Join(published(newRedactor(nil), output, a, b), "|"); got != "first|second|third|last" {
				t.Fatalf("looks after %d and %d bytes show %q", a, b, got)
			}
		}
	}
}

// TestAChunkShowsNoHalfOfASecret: wherever a chunk ends, and however long the
// line is that it ends in.
func TestAChunkShowsNoHalfOfASecret(t *testing.T) {
	t.Parallel()
	secret := "correct-horse-battery-staple"
	r := newRedactor(map[string]string{"TOKEN": secret})
	for name, before := range map[string]string{
		"a line over the end of a chunk": strings.Repeat("some\n", 5),
		"a line longer than a chunk":     "",
		"and not the first":              "some output\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for start := chunkSize - len(secret) - 2; start < chunkSize+2; start++ {
				shown := published(r, before+strings.Repeat("x", start-len(before))+secret+"\nthe end\n")
				all := strings.Join(shown, "\n")
				if strings.Contains(all, secret[:6]) || strings.Contains(all, secret[len(secret)-6:]) {
					t.Fatalf("with a secret at %d the end of a chunk shows a part of it", start)
				}
				if shown[len(shown)-1] != "the end" {
					t.Fatalf("with a secret at %d what follows is not shown", start)
				}
			}
		})
	}
}
