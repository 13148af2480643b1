package e2bsim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
)

func (w *world) ask(method, path, body string) result {
	return send(w.context(), method, w.admin+"/_sim"+path, body, http.Header{"Content-Type": {"application/json"}})
}

func TestAdmin(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string // within the answer
	}{
		{"POST", "/faults", `{"call":"pause","action":"error","status":503,"nth":2,"delay":"1ms","sandbox":"` + id + `"}`, 200, `{"id":1}`},
		{"POST", "/faults", `{"call":"list","action":"lag","lag":"1m0s","times":-1}`, 200, `{"id":2}`},
		{"GET", "/faults", "", 200, `"lag":"1m0s"`},
		{"POST", "/faults", `{"call":"list","action":"stale"}`, 400, "no fault of"},
		{"POST", "/faults", `{"call":"list","action":"delay","delay":"soon"}`, 400, "message"},
		{"POST", "/faults", `{"call":"list","akshun":"delay"}`, 400, "akshun"},
		{"POST", "/clock/advance", `{"by":"10s"}`, 200, "2026-11-01T12:00:10Z"},
		{"POST", "/clock/advance", `{"by":"-10s"}`, 400, "forward"},
		{"GET", "/clock", "", 200, "2026-11-01T12:00:10Z"},
		{"GET", "/meter", "", 200, `"billed_seconds":10`},
		{"GET", "/sandboxes", "", 200, `"state":"running"`},
		{"PUT", "/plan", `{"max_concurrent":5,"max_timeout":"1h0m0s","refuse_pause":true}`, 200, `"max_timeout":"1h0m0s"`},
		{"GET", "/plan", "", 200, `"refuse_pause":true`},
		{"GET", "/calls", "", 200, `"kind":"create"`},
		{"DELETE", "/faults", "", 204, ""},
		{"GET", "/faults", "", 200, "[]"},
		{"DELETE", "/sandboxes/" + id, "", 204, ""},
		{"DELETE", "/sandboxes/" + id, "", 404, "not found"},
	} {
		if res := w.ask(c.method, c.path, c.body); res.status != c.status || !strings.Contains(res.raw, c.want) {
			t.Errorf("%s %s %s answered %d %s, want %d with %s", c.method, c.path, c.body, res.status, res.raw, c.status, c.want)
		}
	}
	if got := w.state(id); got != "404" {
		t.Errorf("a vanished sandbox is %s", got)
	}
	if got := w.Plan(); got.MaxConcurrent != 5 || got.MaxTimeout != time.Hour || !got.RefusePause {
		t.Errorf("plan %+v", got)
	}
}

func TestFaultsByAdminHappen(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.ask("POST", "/faults", `{"call":"pause","action":"error","status":503,"error_code":"busy","retry_after":2,"should_retry":"true"}`)
	if res := w.expect("POST", "/sandboxes/"+id+"/pause", "", 503); res.text("error_code") != "busy" ||
		res.header.Get("Retry-After") != "2" || res.header.Get("Should-Retry") != "true" {
		t.Errorf("answered %v %s, want the code and headers that the fault has", res.header, res.raw)
	}
	w.ask("POST", "/faults", `{"call":"pause","action":"rate_limited","retry_after":3}`)
	if res := w.expect("POST", "/sandboxes/"+id+"/pause", "", 429); res.header.Get("Retry-After") != "3" {
		t.Errorf("Retry-After %q, want 3", res.header.Get("Retry-After"))
	}
	if calls := w.Calls(); calls[len(calls)-1].Fault != e2bsim.RateLimited {
		t.Errorf("the log says %+v", calls[len(calls)-1])
	}
}
