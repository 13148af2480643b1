package job

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// IsWholeText reports whether all text of a JSON document, which need not be
// well-formed, is Unicode. What is not, bytes that are no UTF-8 or half of a
// surrogate pair, encoding/json would replace without a word, and two names
// could become one.
func IsWholeText(document []byte) bool {
	if !utf8.Valid(document) {
		return false
	}
	for rest := document; ; {
		at := bytes.IndexByte(rest, '\\')
		if at < 0 {
			return true
		}
		rest = rest[at:]
		first := escaped(rest)
		switch {
		case !utf16.IsSurrogate(first):
			rest = rest[min(2, len(rest)):] // a backslash that is itself escaped begins nothing
		case utf16.DecodeRune(first, escaped(rest[6:])) == utf8.RuneError:
			return false
		default:
			rest = rest[12:]
		}
	}
}

// escaped is the code unit that s begins with as \uXXXX; 0 if it does not.
func escaped(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(unit)
}

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
