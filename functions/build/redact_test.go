package main

import (
	"strings"
	"testing"
)

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	r := newRedactor(map[string]string{"MINE": "my-own-value", "FLAG": "true"})
	for _, line := range []string{
		"API_KEY=abcd1234", `"api_key": "abcd1234"`, "password: hunter22", "sk-ant-" + strings.Repeat("a1", 12), "sk-proj-0123456789abcdefXYZ",
		"Authorization: Bearer abcdefgh12345678", "pk_live_0123456789", "sk_live_0123456789", "ghp_0123456789012345678901234567890123",
		"e2b_0123456789abcdef0123", "AKIAABCDEFGHIJKLMNOP", "postgres://u:p@h/db", "postgresql://u:p@h/db", "rediss://u:p@h", "mongodb+srv://u:p@h",
		"value is my-own-value!", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
	} {
		if got := r.clean("before " + line + " after"); !strings.Contains(got, "***") {
			t.Errorf("%q is shown as %q", line, got)
		}
	}
	for _, line := range []string{"added 63 packages in 4s", "FLAG is true", "  VITE v7 ready in 300 ms", "tokens: 12"} {
		if got := r.clean(line); got != line {
			t.Errorf("%q is shown as %q", line, got)
		}
	}
}

func TestAValueOfSeveralLinesIsNotShown(t *testing.T) {
	t.Parallel()
	r := newRedactor(map[string]string{"KEY": "-----BEGIN KEY-----\nZmlyc3RsaW5l\r\nc2Vjb25kbGluZQ==\n"})
	got := strings.Join(r.lines("key is -----BEGIN KEY-----\nZmlyc3RsaW5l\r\nc2Vjb25kbGluZQ==\ndone", 100), "|")
	if want := "key is ***|***|***|done"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLinesAreFitToBeShown(t *testing.T) {
	t.Parallel()
	r := newRedactor(nil)
	got := r.lines("\x1b[32mok\x1b[0m\r\n\n   \nbad\xffbyte\n\x1b[0m\nlast", 100)
	want := []string{"ok", "bad\uFFFDbyte", "last"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
	if long := r.lines(strings.Repeat("x", 3000), 2000)[0]; len(long) != 2000+len(" [truncated]") {
		t.Errorf("a line of 3000 bytes is shown with %d", len(long))
	}
}

func TestTheTailIsShort(t *testing.T) {
	t.Parallel()
	got := newRedactor(nil).tail(strings.Repeat("line\n", 100) + "the end\n")
	if lines := strings.Split(got, "\n"); len(lines) != 15 || lines[14] != "the end" {
		t.Errorf("got %d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("token=abcdefgh\x1b[0m\xff", "my own")
	f.Add(`\u00e9\ud83d\ude00%e9+\n my \"own %`, `my "own`)
	f.Fuzz(func(t *testing.T, text, value string) {
		secret := len(value) >= minValue && value == strings.TrimSpace(value) && !strings.ContainsAny(value, "*\n\r[")
		for _, line := range newRedactor(map[string]string{"MINE": value}).lines(text, 100) {
			if strings.ContainsAny(line, "\n\r\x1b\x00") || len(line) > 120 || secret && strings.Contains(line, value) {
				t.Errorf("%q is shown as %q", text, line)
			}
		}
	})
}

// The cause of a failure is often followed by fifteen lines that are none.
func TestTheLastLinesTellOfTheFailure(t *testing.T) {
	cause := "Error: Cannot find module 'left-pad'"
	output := cause + strings.Repeat("\n GET / 500 in 12ms\n127.0.0.1 - - [28/Nov/2026] \"GET /x HTTP/1.1\" 500 -\nnpm notice New major version of npm available!"+
		"\nnpm warn EBADENGINE Unsupported engine {\nnpm warn EBADENGINE   required: { node: '>=99' },\nnpm warn EBADENGINE }\n WARN  Unsupported engine: wanted: {\"node\":\">=99\"}"+
		"\nnpm warn deprecated glob@7.2.3: old\n12 packages are looking for funding\nnpm error A complete log of this run can be found in: /x.log", 20)
	if got := newRedactor(nil).tail(output); got != cause {
		t.Errorf("got %q", got)
	}
	strict := "npm error code EBADENGINE\nnpm error engine Unsupported engine"
	if got := newRedactor(nil).tail(strict); got != strict {
		t.Errorf("got %q", got)
	}
	if all := " GET / 200 in 5ms"; newRedactor(nil).tail(all) != all {
		t.Error("where there is nothing else, it is not shown")
	}
}
