package e2bsim_test

import (
	"net/http"
	"strings"
	"testing"
)

// A page in this machine's browser can send a form, or plain text, to any
// address; and one whose name leads here can do more.
func TestAdminActsForNoWebPage(t *testing.T) {
	w := newWorld(t)
	own := strings.TrimPrefix(w.admin, "http://")
	_, port, _ := strings.Cut(own, ":")
	const fault = `{"call":"pause","action":"error","status":503}`
	for name, c := range map[string]struct {
		method string
		header http.Header
		want   int
	}{
		"a program":                {"POST", http.Header{"Content-Type": {"application/json; charset=utf-8"}}, 200},
		"by name":                  {"POST", http.Header{"Content-Type": {"application/json"}, "Host": {"LocalHost:" + port}}, 200},
		"by another address":       {"POST", http.Header{"Content-Type": {"application/json"}, "Host": {"[::1]:" + port}}, 200},
		"its own page":             {"POST", http.Header{"Content-Type": {"application/json"}, "Origin": {w.admin}}, 200},
		"plain text":               {"POST", http.Header{"Content-Type": {"text/plain"}}, 415},
		"text that tells of JSON":  {"POST", http.Header{"Content-Type": {"text/plain; application/json"}}, 415},
		"a form":                   {"POST", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 415},
		"no type":                  {"POST", nil, 415},
		"a plan of no type":        {"PUT", nil, 415},
		"another origin":           {"POST", http.Header{"Content-Type": {"application/json"}, "Origin": {"https://evil.example"}}, 403},
		"another port's origin":    {"POST", http.Header{"Content-Type": {"application/json"}, "Origin": {"http://127.0.0.1:1"}}, 403},
		"a file's origin":          {"POST", http.Header{"Content-Type": {"application/json"}, "Origin": {"null"}}, 403},
		"two origins":              {"POST", http.Header{"Content-Type": {"application/json"}, "Origin": {w.admin, "null"}}, 403},
		"a name that leads here":   {"POST", http.Header{"Content-Type": {"application/json"}, "Host": {"evil.example:" + port}}, 403},
		"a name like this one":     {"POST", http.Header{"Content-Type": {"application/json"}, "Host": {"localhost.evil.example"}}, 403},
		"its page at that name":    {"POST", http.Header{"Content-Type": {"application/json"}, "Host": {"evil.example"}, "Origin": {"http://evil.example"}}, 403},
		"a look by that name":      {"GET", http.Header{"Host": {"evil.example"}}, 403},
		"clearing it by that name": {"DELETE", http.Header{"Host": {"evil.example"}}, 403},
		"clearing it from a page":  {"DELETE", http.Header{"Origin": {"https://evil.example"}}, 403},
	} {
		w.ClearFaults()
		path, body := "/_sim/faults", fault
		if c.method == "PUT" {
			path, body = "/_sim/plan", `{"refuse_pause":true}`
		}
		if c.method == "DELETE" {
			w.ask("POST", "/faults", fault)
		}
		res := send(w.context(), c.method, w.admin+path, body, c.header)
		if res.status != c.want {
			t.Errorf("%s: %d %s, want %d", name, res.status, res.raw, c.want)
		}
		if got, want := len(w.Faults()), map[bool]int{true: 1}[c.want == 200 || c.method == "DELETE"]; got != want || w.Plan().RefusePause {
			t.Errorf("%s: %d faults, want %d; plan %+v", name, got, want, w.Plan())
		}
	}
}
