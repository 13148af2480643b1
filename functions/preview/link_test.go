package main

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/postgres/shares"
	"siesta/shared/secrets"
)

func newJobOf(project string) jobs.NewJob {
	n := functiontest.NewJob()
	n.Request.ProjectID = project
	return n
}

func (b *fixture) asleepOf(project string) job.Job {
	b.T.Helper()
	return b.set(b.Accept(newJobOf(project)), isPaused)
}

// wantRefused checks the status that a link is answered with, and that the page says what
// it is about.
func (b *fixture) wantRefused(name, token string, status int, words string) {
	b.T.Helper()
	b.show(token).Want(status, words)
	if got := b.send(stateRoute, token, nil); got.Status != status {
		b.T.Errorf("%s: got %d %s, want %d", name, got.Status, got.Text, status)
	}
}

func TestAWrongLinkIsToldNothing(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	share := b.Share(j.UserID, j.ProjectID)
	another := secrets.NewLinks(functiontest.Sealer(t), "another-stack")
	theirs, err := another.Sign(t.Context(), job.Link{Follow: job.FollowProject, Share: share.ID, Number: share.Number, Ends: time.Now().Add(time.Hour)})
	b.OK(err)
	keys, err := secrets.NewSealer(secrets.Fixed(strings.Repeat("ab", 32)))
	b.OK(err)
	forged, err := secrets.NewLinks(keys, functiontest.Stack).Sign(t.Context(), job.Link{Follow: job.FollowProject, Share: share.ID, Number: share.Number, Ends: time.Now().Add(time.Hour)})
	b.OK(err)
	bobs := b.Share("user_bob", j.ProjectID)
	others := b.Sign(job.Link{Follow: job.FollowProject, Share: bobs.ID, Number: bobs.Number + 1, Ends: time.Now().Add(time.Hour)})
	said := func(change func(raw []byte)) string { // what a token says is changed, its code is not
		raw, err := base64.RawURLEncoding.DecodeString(token)
		b.OK(err)
		change(raw)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	pages := map[string]bool{}
	for name, wrong := range map[string]string{
		"of other keys": forged, "with another's share": said(func(raw []byte) {
			other, err := base64.RawURLEncoding.DecodeString(others)
			b.OK(err)
			copy(raw[:len(raw)-16], other)
		}),
		"with another number": said(func(raw []byte) { raw[len(raw)-17]++ }), "with a later end": said(func(raw []byte) { raw[len(raw)-24]++ }),
		"with the log": said(func(raw []byte) { raw[5] = 'P' }), "of a version": said(func(raw []byte) { raw[5] = 'j' }),
		"cut short": token[:len(token)-1], "longer": token + "A", "changed": said(func(raw []byte) { raw[15] ^= 1 }), "another stack's": theirs,
		"a job's id": j.ID, "nothing like one": "favicon.ico",
	} {
		b.wantRefused(name, wrong, http.StatusNotFound, "There is no such page")
		pages[strings.ReplaceAll(b.show(wrong).Text, wrong, "")] = true
	}
	if len(pages) != 1 {
		t.Errorf("%d different pages tell of wrong links", len(pages))
	}
	b.untouched(j)
}

// Who made the link, or time, has ended it: the page is one and the same.
func TestAnEndedLink(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	share := b.Share(j.UserID, j.ProjectID)
	link := func(number int, life time.Duration) string {
		return b.Sign(job.Link{Follow: job.FollowProject, Share: share.ID, Number: number, Ends: time.Now().Add(life)})
	}
	const words = "This link is no longer available"
	b.wantRefused("its time is over", link(share.Number, -time.Second), http.StatusGone, words)
	b.wantRefused("of another number", link(share.Number+1, time.Hour), http.StatusGone, words)
	good := link(share.Number, time.Hour)
	b.show(good).Want(http.StatusOK)
	ended := b.EndLinks(j)
	b.wantRefused("ended by its owner", good, http.StatusGone, words)
	b.show(link(ended.Number, time.Hour)).Want(http.StatusOK)
	unknown := b.Sign(job.Link{Follow: job.FollowProject, Share: job.NewID(), Number: 1, Ends: time.Now().Add(time.Hour)})
	b.wantRefused("of a share that is no more", unknown, http.StatusGone, words)
	bobs := b.Share("user_bob", j.ProjectID)
	b.wantRefused("another's version", b.Sign(job.Link{Follow: job.FollowJob, Share: bobs.ID, Number: 1, JobID: j.ID, Ends: time.Now().Add(time.Hour)}), http.StatusGone, words)
	b.untouched(j)
	b.Must(b.Rows.Delete(t.Context(), j.ID))
	b.OK(b.Cache.Erase(t.Context(), b.Row(j.ID)))
	b.wantRefused("deleted", b.Sign(job.Link{Follow: job.FollowJob, Share: share.ID, Number: ended.Number, JobID: j.ID, Ends: time.Now().Add(time.Hour)}), http.StatusGone, words)
}

// A cache that was lost, or is not there, knows no ended link as good.
func TestAnEndedLinkIsFoundInPostgres(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	b.show(token).Want(http.StatusOK)
	_, err := shares.NewStore(b.DB).End(t.Context(), j.UserID, j.ProjectID)
	b.OK(err)
	b.links.Cache = functiontest.Cache(t, redistest.NewServer(t, redisserver.Config{TCP: true}).URL()) // an empty one
	b.show(token).Want(http.StatusGone)
	server := redistest.NewServer(t, redisserver.Config{TCP: true})
	b.links.Cache = functiontest.HastyCache(t, server.URL())
	server.Kill()
	b.show(token).Want(http.StatusGone)
	b.show(b.Link(j, job.FollowProject)).Want(http.StatusOK, "asleep")
}

// What the cache has known for long to sleep is asked of Postgres, and a page without
// any store says so in words.
func TestThePageWithoutStores(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	server := redistest.NewServer(t, redisserver.Config{TCP: true})
	b.links.Cache = functiontest.HastyCache(t, server.URL())
	server.Kill()
	b.Proxy.Down()
	got := b.show(token)
	got.Want(http.StatusServiceUnavailable, "That did not work", "Try again")
	if got.Header["Retry-After"] == "" {
		t.Error("nobody is told when to come back")
	}
}
