package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/job"
	"siesta/shared/logs"
)

func (b *fixture) prints(j job.Job, texts ...string) {
	b.T.Helper()
	for _, text := range texts {
		b.OK(b.Cache.AppendLogs(b.T.Context(), j.ID, []job.LogLine{{Time: time.Now(), Source: "stdout", Text: text, Phase: "scaffold"}}))
	}
}

// installs is a job that is being built, and that the cache knows.
func (b *fixture) installs() job.Job {
	b.T.Helper()
	j := b.Building(b.Accept(functiontest.NewJob()))
	b.Cache.Publish(b.T.Context(), j)
	return j
}

func TestTheLogOfALink(t *testing.T) {
	b := setup(t)
	j := b.installs()
	b.prints(j, "one", "two", "three")
	token := b.linkWithLogs(j)
	got := b.send(logsRoute, token+"?limit=2", "", nil)
	b.want(got, http.StatusOK, "one", "two")
	if got.told["has_more"] != true || got.header["Retry-After"] != "" {
		t.Errorf("got %v %s", got.header, got.text)
	}
	got = b.send(logsRoute, token+"?after="+fmt.Sprint(got.told["next"]), "", nil)
	b.want(got, http.StatusOK, "three")
	if strings.Contains(got.text, "two") || got.header["Retry-After"] == "" {
		t.Errorf("got %v %s", got.header, got.text)
	}
	b.want(b.send(logsRoute, token+"?after=x", "", nil), http.StatusUnprocessableEntity)
	b.OK(logs.Keep(t.Context(), b.Cache, b.LogStore, j))
	b.Cache.Publish(t.Context(), b.Set(j.ID, "status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'd'"))
	b.logs.Live = functiontest.Cache(t, redistest.NewServer(t, redisserver.Config{}).URL()) // a day later
	b.want(b.send(logsRoute, token, "", nil), http.StatusOK, "one", "three")
}

// A link that was made without logs has none, whatever else it opens: that is as if
// there were no such page.
func TestALinkWithoutLogsShowsNone(t *testing.T) {
	b := setup(t)
	j := b.installs()
	b.prints(j, "what was printed")
	token := b.link(j, job.FollowJob)
	none, wrong := b.send(logsRoute, token, "", nil), b.send(logsRoute, "x", "", nil)
	alike := func(got reply) string { return strings.ReplaceAll(got.text, fmt.Sprint(got.told["debug_id"]), "") }
	if none.status != http.StatusNotFound || alike(none) != alike(wrong) {
		t.Errorf("got %d %s, want what a wrong link is answered: %s", none.status, none.text, wrong.text)
	}
	for name, got := range map[string]reply{"page": b.show(token), "state": b.wantState(token, stateBuilding), "wake": b.post(token, job.Viewing)} {
		if strings.Contains(got.text, "what was printed") {
			t.Errorf("%s: it tells the log: %s", name, got.text)
		}
	}
	ended, err := b.shares.End(t.Context(), alice, j.ProjectID)
	b.OK(err)
	b.OK(b.Cache.EndShare(t.Context(), ended))
	b.want(b.send(logsRoute, b.linkWithLogs(j), "", nil), http.StatusOK) // a new one
	b.want(b.send(logsRoute, token, "", nil), http.StatusGone)
}

// While it is built the page shows what was printed last; what is new makes another
// answer of its state.
func TestThePageShowsTheLastLines(t *testing.T) {
	b := setup(t)
	j := b.installs()
	token := b.linkWithLogs(j)
	first := b.wantState(token, stateBuilding)
	if log, ok := first.told["log"].([]any); !ok || len(log) != 0 {
		t.Errorf("before its first line: %s", first.text)
	}
	b.prints(j, "<b>first</b>", "line 0")
	for i := range shownLines - 1 {
		b.prints(j, fmt.Sprint("line ", i+1))
	}
	b.prints(j, strings.Repeat("\u00e4", shownBytes))
	got := b.send(stateRoute, token, "", map[string]string{"if-none-match": first.header["Etag"]})
	b.want(got, http.StatusOK)
	if log, _ := got.told["log"].([]any); len(log) != shownLines || log[0] != "line 1" || len(log[shownLines-1].(string)) > shownBytes+3 {
		t.Errorf("it tells %q", got.told["log"])
	}
	b.prints(j, "<b>last</b>")
	b.want(b.show(token), http.StatusOK, "&lt;b&gt;last&lt;/b&gt;</pre>", "line 9\n")
	b.Cache.Publish(t.Context(), b.Set(j.ID, "status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'd'"))
	b.want(b.show(token), http.StatusOK, "could not be built", "last")
}
