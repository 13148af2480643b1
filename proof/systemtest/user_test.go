package systemtest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/proof/openapi"
	"siesta/shared/job"
)

// user is somebody with a token.
type user struct {
	*system
	name, token, project string
}

// user returns a user whom no other test knows, with a project.
func (s *system) user() user {
	s.t.Helper()
	name := "user_" + job.NewID()
	token, err := s.TokenFor(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return user{s, name, token, job.NewID()}
}

// reply is an answer of the API.
type reply struct {
	t    testing.TB
	code int
	body string
	client.Answer
}

// answer is what the reply says.
func (r reply) answer() client.Told { return r.Told }

// want fails the test unless the answer has this code.
func (r reply) want(code int) reply {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("got %d %s, want %d", r.code, r.body, code)
	}
	return r
}

// wantError checks a code and that the answer says in words what is wrong, and
// nothing of the inside.
func (r reply) wantError(code int) {
	r.t.Helper()
	if r.code != code || client.Text(r.Told.DebugID) == "" || r.Told.Detail.Message == "" {
		r.t.Errorf("got %d %s, want %d with detail and debug_id", r.code, r.body, code)
	}
	for _, inside := range []string{"pgx", "SQLSTATE", "dial tcp", "redis", "127.0.0.1", "goroutine", "panic"} {
		if strings.Contains(r.body, inside) {
			r.t.Errorf("the answer tells of the inside: %s", r.body)
		}
	}
}

// browser opens previews, and speaks to what is no API of ours.
var browser = http.Client{Timeout: 45 * time.Second}

// api is the client of all calls. Every answer that a user gets comes in here, and
// is as docs/openapi.yaml says.
func (u user) api() client.Client {
	return client.Client{URL: u.APIURL, Token: u.token, Check: openapi.Check}
}

// replied fails the test if no answer came.
func (u user) replied(a client.Answer, err error) reply {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
	return reply{u.t, a.Code, string(a.Body), a}
}

// sendStart starts a job with any body; a key may be empty.
func (u user) sendStart(body, key string) reply {
	u.t.Helper()
	return u.replied(u.api().StartRaw(u.t.Context(), []byte(body), key))
}

// start starts a job and returns its id.
func (u user) start(r job.Request) string {
	u.t.Helper()
	id := u.sendStart(u.body(r), "").want(http.StatusCreated).answer().JobID
	if !job.IsID(id) {
		u.t.Fatalf("start told the job id %q", id)
	}
	return id
}

// body is a request's JSON; project and goal have defaults.
func (u user) body(r job.Request) string {
	u.t.Helper()
	if r.ProjectID == "" {
		r.ProjectID = u.project
	}
	if r.Goal == "" {
		r.Goal = "a page"
	}
	data, err := json.Marshal(r)
	if err != nil {
		u.t.Fatal(err)
	}
	return string(data)
}

func (u user) ask(id string) reply {
	u.t.Helper()
	return u.replied(u.api().Status(u.t.Context(), id))
}

func (u user) status(id string) client.Told {
	u.t.Helper()
	return u.ask(id).want(http.StatusOK).answer()
}

// resume, snapshot and cancel.
func (u user) post(id, verb string) reply {
	u.t.Helper()
	return u.replied(u.api().Do(u.t.Context(), id, client.Verb(verb)))
}

// resumed resumes a preview, asking again as it is told, and returns the
// answer.
func (u user) resumed(id string) client.Told {
	u.t.Helper()
	var r reply
	u.until("job "+id+" is resumed", func() bool {
		r = u.post(id, "resume")
		if r.code == http.StatusAccepted && r.RetryAfter == 0 {
			u.t.Errorf("a 202 has no Retry-After: %s", r.body)
		}
		return r.code != http.StatusAccepted
	})
	return r.want(http.StatusOK).answer()
}
