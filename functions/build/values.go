package main

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
)

// minValue is the least number of bytes that are hidden: a shorter value,
// such as "true", is no secret, and hiding it would mangle every line.
const minValue = 6

// values are the texts that output must not show.
type values struct {
	sorted []string // each once
	within []int    // the longest other one that each begins with, by its index; -1: none
}

func newValues(env map[string]string) values {
	var v values
	add := func(text string) {
		text = strings.TrimSpace(text)
		for _, form := range []string{text, control.ReplaceAllString(text, "")} { // output is stripped of those
			if len(form) >= minValue {
				v.sorted = append(v.sorted, fold(form))
			}
		}
	}
	for _, value := range env {
		add(value) // of several lines: where they are escaped
		for line := range strings.FieldsFuncSeq(value, endsLine) {
			add(line) // output is shown line by line
		}
	}
	slices.Sort(v.sorted)
	v.sorted = slices.Compact(v.sorted)
	for i, value := range v.sorted {
		p := i - 1
		for p >= 0 && !strings.HasPrefix(value, v.sorted[p]) {
			p = v.within[p]
		}
		v.within = append(v.within, p)
	}
	return v
}

// fold makes texts that a form writes alike the same: it has + for a blank.
func fold(s string) string { return strings.ReplaceAll(s, "+", " ") }

// hide shows three stars for whatever of a line is part of a value, be it written
// as it is, with the escapes of JSON, or with those of an address.
func (v values) hide(line string) string {
	if len(v.sorted) == 0 {
		return line
	}
	hidden := make([]bool, len(line))
	v.mark(hidden, line, plain)
	if strings.Contains(line, `\`) {
		v.mark(hidden, line, unescape)
	}
	if strings.Contains(line, "%") {
		v.mark(hidden, line, unpercent)
	}
	if !slices.Contains(hidden, true) {
		return line
	}
	var shown strings.Builder
	for i := range len(line) {
		switch {
		case !hidden[i]:
			shown.WriteString(line[i : i+1])
		case i == 0 || !hidden[i-1]:
			shown.WriteString("***")
		}
	}
	return shown.String()
}

// mark notes which bytes of a line are part of a value. read tells what the
// beginning of a text stands for, and of how many bytes that is.
func (v values) mark(hidden []bool, line string, read func(rest string) (string, int)) {
	var text strings.Builder
	from := make([]int, 0, len(line)+1) // where in the line each byte of the text comes from
	for at := 0; at < len(line); {
		meaning, n := read(line[at:])
		text.WriteString(meaning)
		for range len(meaning) {
			from = append(from, at)
		}
		at += n
	}
	from = append(from, len(line))
	folded, end := fold(text.String()), 0
	for at := range len(folded) {
		if after := at + v.longest(folded[at:]); after > end {
			for i := from[max(at, end)]; i < from[after]; i++ {
				hidden[i] = true
			}
			end = after
		}
	}
}

// longest is the length of the longest value that text begins with; 0: none.
func (v values) longest(text string) int {
	// All between such a value and text begin with it.
	i := sort.Search(len(v.sorted), func(i int) bool { return v.sorted[i] > text }) - 1
	for ; i >= 0; i = v.within[i] {
		if strings.HasPrefix(text, v.sorted[i]) {
			return len(v.sorted[i])
		}
	}
	return 0
}

func plain(rest string) (string, int) { return rest[:1], 1 }

// unescape reads what JSON, JavaScript and most other languages write.
func unescape(rest string) (string, int) {
	if rest[0] != '\\' || len(rest) == 1 {
		return plain(rest)
	}
	if i := strings.IndexByte("nrtbfv", rest[1]); i >= 0 {
		return "\n\r\t\b\f\v"[i : i+1], 2
	}
	if c, ok := hex(rest, `\x`, 2); ok {
		return string(c), 4
	}
	if c, ok := hex(rest, `\u`, 4); ok {
		if low, ok := hex(rest[6:], `\u`, 4); ok && utf16.IsSurrogate(c) {
			return string(utf16.DecodeRune(c, low)), 12
		}
		return string(c), 6
	}
	return rest[1:2], 2
}

// unpercent reads what an address or a form has.
func unpercent(rest string) (string, int) {
	if b, ok := hex(rest, "%", 2); ok {
		return string([]byte{byte(b)}), 3
	}
	return plain(rest)
}

// hex is the number that text begins with, after lead and with so many digits.
func hex(text, lead string, digits int) (rune, bool) {
	text, ok := strings.CutPrefix(text, lead)
	if !ok || len(text) < digits {
		return 0, false
	}
	n, err := strconv.ParseUint(text[:digits], 16, 16)
	return rune(n), err == nil
}
