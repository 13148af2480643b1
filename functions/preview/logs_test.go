package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/page"
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
	return b.set(b.Accept(functiontest.NewJob()), "goal = goal")
}

// A link that was made without logs shows none, whatever else it opens.
func TestALinkWithoutLogsShowsNone(t *testing.T) {
	b := setup(t)
	j := b.installs()
	b.prints(j, "what was printed")
	token := b.Link(j, job.FollowJob)
	for name, got := range map[string]functiontest.Reply{"page": b.show(token), "state": b.wantState(token, page.Building)} {
		if strings.Contains(got.Text, "what was printed") {
			t.Errorf("%s: it tells the log: %s", name, got.Text)
		}
	}
}

// While it is built the page shows what was printed last; what is new makes another
// answer of its state.
func TestThePageShowsTheLastLines(t *testing.T) {
	b := setup(t)
	j := b.installs()
	token := b.LinkWithLogs(j)
	first := b.wantState(token, page.Building)
	if log, ok := first.Told["log"].([]any); !ok || len(log) != 0 {
		t.Errorf("before its first line: %s", first.Text)
	}
	b.prints(j, "<b>first</b>", "line 0")
	for i := range shownLines - 1 {
		b.prints(j, fmt.Sprint("line ", i+1))
	}
	b.prints(j, strings.Repeat("\u00e4", shownBytes))
	got := b.send(stateRoute, token, map[string]string{"if-none-match": first.Header["Etag"]})
	got.Want(http.StatusOK)
	if log, _ := got.Told["log"].([]any); len(log) != shownLines || log[0] != "line 1" || len(log[shownLines-1].(string)) > shownBytes+3 {
		t.Errorf("it tells %q", got.Told["log"])
	}
	b.prints(j, "<b>last</b>")
	b.show(token).Want(http.StatusOK, "&lt;b&gt;last&lt;/b&gt;</pre>", "line 9\n")
	b.set(j, isFailed)
	b.show(token).Want(http.StatusOK, "could not be built", "last")
}

// Who is shown the lines of a build waits for the next: page and state alike. A link
// without logs makes no reader, nor does a build that is over.
func TestWhoIsShownLinesIsNoted(t *testing.T) {
	b := setup(t)
	for name, c := range map[string]struct {
		link   func(job.Job) string
		ask    func(token string) functiontest.Reply
		change string
		want   bool
	}{
		"page":         {link: b.LinkWithLogs, ask: b.show, want: true},
		"state":        {link: b.LinkWithLogs, ask: func(token string) functiontest.Reply { return b.send(stateRoute, token, nil) }, want: true},
		"without logs": {link: func(j job.Job) string { return b.Link(j, job.FollowJob) }, ask: b.show},
		"failed":       {link: b.LinkWithLogs, ask: b.show, change: isFailed},
		"asleep":       {link: b.LinkWithLogs, ask: b.show, change: isPaused + ", build_version = 'build_v0_1'"},
	} {
		j := b.installs()
		if c.change != "" {
			j = b.set(j, c.change)
		}
		if c.ask(c.link(j)).Want(http.StatusOK); b.Cache.Watched(t.Context(), j.ID) != c.want {
			t.Errorf("%s: the log has a reader: %v, want %v", name, !c.want, c.want)
		}
	}
}
