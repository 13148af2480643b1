package e2bsim

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

func FuzzMetadata(f *testing.F) {
	f.Add("user", "a b&c=d")
	f.Add("", "%")
	f.Fuzz(func(t *testing.T, key, value string) {
		_, _ = parseMetadata(value) // anything may come; it must not panic
		twice := func(s string) string { return url.QueryEscape(url.QueryEscape(s)) }
		got, err := parseMetadata(twice(key) + "=" + twice(value))
		if err != nil || len(got) != 1 || got[key] != value {
			t.Errorf("%q=%q came back as %q, %v", key, value, got, err)
		}
	})
}

func FuzzListQuery(f *testing.F) {
	f.Add("limit=5&order=asc&state=running,paused&metadata=a%3Db&nextToken=eA==&startedAfter=2026-01-02T03:04:05Z", int64(7))
	f.Fuzz(func(t *testing.T, text string, started int64) {
		values, _ := url.ParseQuery(text)
		q, failed := parseListQuery(values)
		if failed != nil {
			if failed.Code != http.StatusBadRequest {
				t.Errorf("refused with %d", failed.Code)
			}
			return
		}
		if q.limit < 1 || q.limit > maxPage {
			t.Errorf("limit %d", q.limit)
		}
		at := position{time.Unix(started%1e10, 5).UTC(), newID()}
		values.Set("nextToken", q.token(at))
		if again, failed := parseListQuery(values); failed != nil || *again.from != at {
			t.Errorf("its own token is refused or read otherwise: %v", failed)
		}
	})
}

func FuzzRoute(f *testing.F) {
	s := &Server{cfg: Config{Domain: "e2b.app"}}
	f.Add("3000-iabc.e2b.app", "iabc", "3000")
	f.Add("127.0.0.1:80", "iabc-6532622b", "49983")
	f.Fuzz(func(t *testing.T, host, id, port string) {
		r := &http.Request{Host: host, Header: http.Header{"E2b-Sandbox-Id": {id}, "E2b-Sandbox-Port": {port}}}
		if to, ok := s.route(r); ok && (!bareID.MatchString(to.id) || to.port < 0 || to.port > 65535) {
			t.Errorf("routed to %+v", to)
		}
	})
}
