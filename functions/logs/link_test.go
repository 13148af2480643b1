package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logs"
)

// visit asks for the log of a link.
func (b fixture) visit(token string) functiontest.Reply {
	b.T.Helper()
	return functiontest.Visit(b.T, api.Handle(b.log, b.serve), linkRoute, token, "", nil)
}

// known is a job that has said so many lines, and that the cache knows.
func (b fixture) known(lines int) job.Job {
	b.T.Helper()
	j := b.building(lines)
	b.Cache.Publish(b.T.Context(), j)
	return j
}

func TestTheLogOfALink(t *testing.T) {
	b := setup(t)
	j := b.known(3)
	token := b.LinkWithLogs(j)
	got := b.visit(token + "?limit=2")
	got.Want(http.StatusOK, `"0"`, `"1"`)
	if got.Told["has_more"] != true || got.Header["Retry-After"] != "" {
		t.Errorf("got %v %s", got.Header, got.Text)
	}
	got = b.visit(token + "?after=" + fmt.Sprint(got.Told["next"]))
	got.Want(http.StatusOK, `"2"`)
	if strings.Contains(got.Text, `"1"`) || got.Header["Retry-After"] == "" {
		t.Errorf("got %v %s", got.Header, got.Text)
	}
	b.visit(token + "?after=x").Want(http.StatusUnprocessableEntity)
	b.OK(logs.Keep(t.Context(), b.Cache, b.LogStore, j))
	b.Cache.Publish(t.Context(), b.Set(j.ID, "status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'd'"))
	b.logs.Live = functiontest.Cache(t, redistest.NewServer(t, redisserver.Config{}).URL()) // a day later
	b.visit(token).Want(http.StatusOK, `"0"`, `"2"`)
}

// A link that was made without logs has none, whatever else it opens: that is as if
// there were no such page.
func TestALinkWithoutLogsHasNone(t *testing.T) {
	b := setup(t)
	j := b.known(1)
	token := b.Link(j, job.FollowJob)
	none, wrong := b.visit(token), b.visit("x")
	alike := func(got functiontest.Reply) string {
		return strings.ReplaceAll(got.Text, fmt.Sprint(got.Told["debug_id"]), "")
	}
	if none.Status != http.StatusNotFound || alike(none) != alike(wrong) {
		t.Errorf("got %d %s, want what a wrong link is answered: %s", none.Status, none.Text, wrong.Text)
	}
	b.EndLinks(j)
	b.visit(b.LinkWithLogs(j)).Want(http.StatusOK) // a new one
	b.visit(token).Want(http.StatusGone)
}

func TestWhoReadsTheLogOfALinkIsNoted(t *testing.T) {
	b := setup(t)
	read, shown := b.known(1), b.known(1)
	b.visit(b.LinkWithLogs(read)).Want(http.StatusOK)
	b.visit(b.Link(shown, job.FollowJob)).Want(http.StatusNotFound)
	if !b.Cache.Watched(t.Context(), read.ID) || b.Cache.Watched(t.Context(), shown.ID) {
		t.Error("who reads a link's log is not noted, or who may not is")
	}
}
