package job

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// badText reports whether s cannot be stored as text or passed to a process.
func badText(s string) bool { return strings.ContainsRune(s, 0) || !utf8.ValidString(s) }

// Quote shows s in an error without letting it run long or break the line.
func Quote(s string) string {
	const maxShown = 80
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "..."
	}
	return strconv.Quote(s)
}
