package e2b

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"unicode/utf8"
)

func FuzzParseFailure(f *testing.F) {
	for _, body := range []string{"", "upstream request timeout", own("409", ""), own("500", `,"error_code":"sandbox_create_failed"`), `{"code":"404"}`, `{"code":1e99}`, "null", "[]", "\xff"} {
		f.Add(409, "3", []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, retryAfter string, body []byte) {
		for _, op := range anyOp {
			e := parseFailure(op, status, http.Header{"Retry-After": {retryAfter}}, body)
			if e.Kind == nil || !utf8.ValidString(e.Message) || e.RetryAfter < 0 || len(e.Error()) > 4000 {
				t.Errorf("%s: %#v", op, e)
			}
			// What would be written down as a fact needs E2B's own word.
			var own struct{ Code int }
			if errors.Is(e, ErrPaused) && (op != OpPause || status != 409 || json.Unmarshal(body, &own) != nil || own.Code != 409) {
				t.Errorf("%s: status %d, %q: taken for a confirmed pause", op, status, body)
			}
			if op == OpCreate && status >= 500 && errors.Is(e, ErrFailed) {
				t.Errorf("create: status %d, %q: taken for definite", status, body)
			}
		}
	})
}

func FuzzParseSandbox(f *testing.F) {
	f.Add([]byte(created))
	f.Add([]byte(`{"sandboxID":"i1-6532622b","startedAt":"2026-11-22T12:00:00Z","state":"paused"}`))
	f.Add([]byte(`{"sandboxID":"../x"}`))
	f.Add([]byte(`{"sandboxID":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := parseSandbox(body)
		if err == nil && !isName(s.ID, mostID) {
			t.Errorf("%q is taken for an id", s.ID)
		}
	})
}

func FuzzParsePage(f *testing.F) {
	f.Add([]byte(`[{"sandboxID":"i1","metadata":{"k":"v"}},{"sandboxID":"i2"}]`), "next")
	f.Add([]byte(`[]`), "")
	f.Add([]byte(`null`), "")
	f.Add([]byte(`[null]`), "")
	f.Fuzz(func(t *testing.T, body []byte, next string) {
		page, err := parsePage(body, next)
		if err != nil {
			return
		}
		for _, s := range page.Sandboxes {
			if !isName(s.ID, mostID) {
				t.Errorf("%q is taken for an id", s.ID)
			}
		}
	})
}

func FuzzJudge(f *testing.F) {
	f.Add(502, []byte(`{"sandboxId":"i1","code":502,"port":3000}`))
	f.Add(200, []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if p := judge(status, body); p.Answer == "" || p.Ready() && status >= 500 {
			t.Errorf("status %d, %q: %+v", status, body, p)
		}
	})
}
