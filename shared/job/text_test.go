package job_test

import (
	"encoding/json"
	"strings"
	"testing"

	"siesta/shared/job"
)

func TestWholeTextIsUnicode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		``:                      true,
		`plain`:                 true,
		"字 \U0001F600 \uFFFD":   true,
		`\uFFFD \u5b57 \n \\`:   true,
		`\ud83d\ude00`:          true,
		`\uD83D\uDE00\uD83D`:    false,
		`\ud83d`:                false,
		`\ude00`:                false,
		`\ude00\ud83d`:          false,
		`\ud83d\n`:              false,
		`\ud83d\ud83d\ude00`:    false,
		`\ud83d \ude00`:         false,
		`\ud83d\\ude00`:         false,
		`\\ud83d`:               true, // a backslash, and letters
		`\\\ud83d`:              false,
		`\`:                     true, // no JSON, which is for others to say
		`\u`:                    true,
		`\ud83`:                 true,
		"\xff":                  false,
		"a\xc3":                 false,
		"\xed\xa0\x80":          false, // half of a pair, written as UTF-8
		"\xc0\xaf":              false,
		"\xf4\x90\x80\x80":      false,
		strings.Repeat(`\`, 99): true,
	} {
		if got := job.IsWholeText([]byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// FuzzIsWholeText compares with encoding/json, which puts U+FFFD in the place of
// what is not whole.
func FuzzIsWholeText(f *testing.F) {
	f.Add(`a\ud83d\ude00\\u字`)
	f.Add(`\ud83d`)
	f.Add("\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, text string) {
		var decoded string
		document := []byte(`"` + text + `"`)
		if json.Unmarshal(document, &decoded) != nil || strings.Contains(text, "\uFFFD") || strings.Contains(strings.ToLower(text), `\ufffd`) {
			return
		}
		if got := job.IsWholeText(document); got == strings.Contains(decoded, "\uFFFD") {
			t.Errorf("%q: %v, and it becomes %q", text, got, decoded)
		}
	})
}

// BenchmarkParseRequest is the largest body that reaches us, once as letters and
// once as escapes.
func BenchmarkParseRequest(b *testing.B) {
	for name, content := range map[string]string{"letters": "a", "escapes": `\ud83d\ude00`} {
		body := []byte(`{` + ids + `,"source":{"files":{"a":"` + strings.Repeat(content, 6<<20/len(content)) + `"}}}`)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := job.ParseRequest(body, "alice", allowed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
