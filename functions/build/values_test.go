package main

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestAValueIsNotShownInAnotherForm(t *testing.T) {
	t.Parallel()
	r := newRedactor(map[string]string{"MINE": "p\"a\\s/s é+😀<&%41\x01'\t$", "KEY": "-----BEGIN KEY-----\nZmlyc3RsaW5l\r\nend\n"})
	for name, line := range map[string]string{
		"as it is":                  "p\"a\\s/s é+😀<&%41\x01'\t$",
		"JavaScript's JSON":         `p\"a\\s/s é+😀<&%41\u0001'\t$`,
		"Python's JSON":             `p\"a\\s/s \u00e9+\ud83d\ude00<&%41\u0001'\t$`,
		"Go's JSON":                 `p\"a\\s/s é+😀\u003c\u0026%41\u0001'\t$`,
		"PHP's JSON":                `p\"a\\s\/s \u00e9+\ud83d\ude00<&%41\u0001'\t$`,
		"Node's console":            `p"a\\s/s é+😀<&%41\x01\'\t$`,
		"the shell's declare":       `p\"a\\s/s é+😀<&%41` + "\x01'\t" + `\$`,
		"encodeURIComponent":        `p%22a%5Cs%2Fs%20%C3%A9%2B%F0%9F%98%80%3C%26%2541%01'%09%24`,
		"encodeURI":                 `p%22a%5Cs/s%20%C3%A9+%F0%9F%98%80%3C&%2541%01'%09$`,
		"a form, in small letters":  `p%22a%5cs%2fs+%c3%a9%2b%f0%9f%98%80%3c%26%2541%01%27%09%24`,
		"a key's lines":             `-----BEGIN KEY-----\nZmlyc3RsaW5l\r\nend`,
		"a key's lines, an address": `-----BEGIN%20KEY-----%0AZmlyc3RsaW5l%0D%0Aend`,
		"a line of a key":           `Zmlyc3RsaW5l`,
	} {
		if got := r.clean(`"before` + line + `after"`); got != `"before***after"` {
			t.Errorf("%s: %s is shown as %s", name, line, got)
		}
	}
	for _, line := range []string{`C:\new\u00`, `100% of \x4`, `a\`, "é %zz %", `\ud83d alone`} {
		if got := r.clean(line); got != line {
			t.Errorf("%q is shown as %q", line, got)
		}
	}
}

// TestEveryPartOfAValueIsHidden: of values that begin alike, that hold or overlap
// each other, nothing is left.
func TestEveryPartOfAValueIsHidden(t *testing.T) {
	t.Parallel()
	text := func(length int) string {
		s := make([]byte, length)
		for i := range s {
			s[i] = "ab"[rand.IntN(2)]
		}
		return string(s)
	}
	for range 5000 {
		var all []string
		for range rand.IntN(8) {
			all = append(all, text(minValue+rand.IntN(5)))
		}
		line := text(60)
		hidden := []byte(line)
		for _, value := range all {
			for at := range line {
				if strings.HasPrefix(line[at:], value) {
					copy(hidden[at:], strings.Repeat("*", len(value)))
				}
			}
		}
		want := strings.Join(strings.FieldsFunc(string(hidden), func(c rune) bool { return c == '*' }), "|")
		got := newRedactor(map[string]string{"KEY": strings.Join(all, "\n")}).clean(line)
		if got = strings.Trim(strings.ReplaceAll(got, "***", "|"), "|"); got != want {
			t.Fatalf("of %s, with the values %v, is shown %s, want %s", line, all, got, want)
		}
	}
}
