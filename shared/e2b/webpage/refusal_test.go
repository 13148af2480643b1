package webpage

import (
	"strings"
	"testing"
)

func TestRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
		want   string // who; "": it is none
	}{
		{"react-scripts with a proxy", 200, "Invalid Host header", "webpack-dev-server"},
		{"webpack-dev-server 5", 403, "Invalid Host header", "webpack-dev-server"},
		{"Vite", 403, "Blocked request. This host (\"3000-i1.e2b.app\") is not allowed.\nTo allow this host, add it to `server.allowedHosts` in vite.config.js.", "Vite"},
		{"Django that is being developed", 400, "<!DOCTYPE html><title>DisallowedHost\n at /</title>", "Django"},
		{"Django in production", 400, "\n<!doctype html>\n<html><body>\n  <h1>Bad Request (400)</h1><p></p>\n</body></html>", "Django"},
		{"Rails", 403, "<h1>Blocked hosts: 3000-i1.e2b.app</h1>", "Rails"},
		{"Starlette", 400, "Invalid host header", "Starlette"},
		{"an app that forbids its root", 403, "<h1>Forbidden</h1>", ""},
		{"a page about refusals", 200, "<!doctype html><h1>Invalid Host header</h1>", ""},
		{"an article that begins like one", 200, "Blocked request. This host" + strings.Repeat(" went on and on.", 100), ""},
		{"no root route", 404, "Invalid Host header", ""},
	} {
		got, ok := Refuses(row.status, []byte(row.body))
		if got.Who != row.want || ok != (row.want != "") || ok && (got.Help == "" || got.Says == "") {
			t.Errorf("%s: got %+v, want %q", row.name, got, row.want)
		}
	}
}
