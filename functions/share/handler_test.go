package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/postgres/shares"
	"siesta/shared/secrets"
)

func TestMain(m *testing.M) { functiontest.Main(m) }

const (
	alice = functiontest.Alice
	post  = "POST /api/generation/{job_id}/share"
	end   = "DELETE /api/generation/{job_id}/share"
)

type fixture struct {
	*functiontest.Database
	handler
	said *functiontest.Log
}

func setup(t *testing.T) *fixture {
	t.Parallel()
	d := functiontest.NewDatabase(t)
	d.Cache = functiontest.Cache(t, redistest.New(t))
	said := functiontest.NewLog(t)
	return &fixture{d, handler{
		log: logging.New(said, "debug"), store: d.Store, shares: shares.NewStore(d.DB), cache: d.Cache,
		links: secrets.NewLinks(functiontest.Sealer(t), functiontest.Stack),
	}, said}
}

func (b *fixture) call(route, user, id, body string) (int, map[string]any) {
	b.T.Helper()
	r := functiontest.JobRequest(route, user, id)
	r.Body, r.Headers = body, map[string]string{"host": "api.example.com", "x-forwarded-proto": "https"}
	if route == end {
		answer, err := api.Handle(b.log, b.serve)(b.T.Context(), r)
		b.OK(err)
		var told map[string]any
		_ = json.Unmarshal([]byte(answer.Body), &told)
		return answer.StatusCode, told
	}
	answer, told := functiontest.Call(b.T.Context(), b.T, api.Handle(b.log, b.serve), r)
	return answer.StatusCode, told
}

// link is what a new link of a job says.
func (b *fixture) link(j job.Job, body string) job.Link {
	b.T.Helper()
	status, told := b.call(post, alice, j.ID, body)
	address, _ := told["share_url"].(string)
	token, ours := strings.CutPrefix(address, "https://api.example.com/p/")
	if status != http.StatusCreated || !ours {
		b.T.Fatalf("got %d %v", status, told)
	}
	l, err := b.links.Open(b.T.Context(), token)
	b.OK(err)
	if told["expires_at"] != l.Ends.Format(time.RFC3339) {
		b.T.Errorf("told that it ends at %v, it does at %v", told["expires_at"], l.Ends)
	}
	return l
}

func TestALinkIsMade(t *testing.T) {
	b := setup(t)
	j := b.Accept(functiontest.NewJob())
	project := b.link(j, "")
	if left := time.Until(project.Ends); project.Follow != job.FollowProject || left > job.DefaultLinkLife || left < job.DefaultLinkLife-time.Minute {
		t.Errorf("got %+v", project)
	}
	one := b.link(j, `{"follow": "job", "expires_in": 60}`)
	if one.Follow != job.FollowJob || one.JobID != j.ID || one.Share != project.Share || time.Until(one.Ends) > time.Minute {
		t.Errorf("got %+v", one)
	}
	if shown := b.link(j, `{"logs": true}`); !shown.Logs || project.Logs || one.Logs {
		t.Errorf("got %+v, %+v, %+v", shown, project, one)
	}
	if status, _ := b.call(post, alice, j.ID, `{"expires_in": 1}`); status != http.StatusUnprocessableEntity {
		t.Errorf("a second is a life of %d", status)
	}
	if strings.Contains(b.said.String(), "/p/") {
		t.Error("the log has a link")
	}
}

func TestAllLinksEndAtOnce(t *testing.T) {
	b := setup(t)
	j := b.Accept(functiontest.NewJob())
	if status, told := b.call(end, alice, j.ID, ""); status != http.StatusNoContent {
		t.Errorf("without a link: %d %v", status, told)
	}
	before := b.link(j, "")
	if status, told := b.call(end, alice, j.ID, ""); status != http.StatusNoContent {
		t.Errorf("got %d %v", status, told)
	}
	cached, ok, err := b.cache.Share(t.Context(), before.Share)
	if err != nil || !ok || !errors.Is(before.Check(cached, time.Now()), job.ErrLinkEnded) {
		t.Errorf("the cache says %+v, %v, %v of the link %+v", cached, ok, err, before)
	}
	if after := b.link(j, ""); after.Check(cached, time.Now()) != nil {
		t.Errorf("a later link is not good: %+v", after)
	}
}

// An end that the cache cannot be told is in Postgres, and no success.
func TestAnEndThatTheCacheDoesNotHear(t *testing.T) {
	b := setup(t)
	server := redistest.NewServer(t, redisserver.Config{TCP: true})
	b.cache = functiontest.HastyCache(t, server.URL())
	j := b.Accept(functiontest.NewJob())
	l := b.link(j, "")
	server.Kill()
	if status, told := b.call(end, alice, j.ID, ""); status != http.StatusServiceUnavailable {
		t.Errorf("got %d %v", status, told)
	}
	if s, err := b.shares.Get(t.Context(), l.Share); err != nil || s.Number != l.Number+1 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestOnlyItsOwnerSharesAJob(t *testing.T) {
	b := setup(t)
	j := b.Accept(functiontest.NewJob())
	l := b.link(j, "")
	for _, route := range []string{post, end} {
		for name, c := range map[string]struct {
			user, id string
			want     int
		}{
			"nobody":       {"", j.ID, http.StatusUnauthorized},
			"another user": {"user_bob", j.ID, http.StatusNotFound},
			"no such job":  {alice, job.NewID(), http.StatusNotFound},
		} {
			if status, told := b.call(route, c.user, c.id, ""); status != c.want {
				t.Errorf("%s, %s: got %d %v, want %d", route, name, status, told, c.want)
			}
		}
	}
	if s, err := b.shares.Get(t.Context(), l.Share); err != nil || s.Number != l.Number {
		t.Errorf("somebody else ended the links: %+v, %v", s, err)
	}
}
