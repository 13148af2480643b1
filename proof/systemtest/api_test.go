package systemtest

import (
	"net/http"
	"strings"
	"testing"

	"siesta/local/client"
	"siesta/shared/job"
)

func TestUnknownJobsAreNotFound(t *testing.T) {
	s := sharedStack(t)
	owner, other := s.user(), s.user()
	id := owner.start(page("hello"))
	s.asleep(id)
	for name, asked := range map[string]string{"unknown": job.NewID(), "another user's": id, "malformed": "42", "nearly one": id + "0"} {
		other.ask(asked).wantError(http.StatusNotFound)
		for _, verb := range client.Verbs {
			if r := other.post(asked, string(verb)); r.code != http.StatusNotFound {
				t.Errorf("%s of an %s job answered %d %s", verb, name, r.code, r.body)
			}
		}
	}
	if j := s.row(id); !j.SandboxPaused {
		t.Errorf("calls of another user left the job %+v", j)
	}
}

func TestWithoutATokenNothingIsTold(t *testing.T) {
	s := sharedStack(t)
	u := s.user()
	id := u.start(page("hello"))
	for name, token := range map[string]string{"none": "", "nonsense": "x.y.z", "forged": u.token[:len(u.token)-8] + "AAAAAAAA"} {
		stranger := user{s, u.name, token, u.project}
		if r := stranger.ask(id); r.code != http.StatusUnauthorized || strings.Contains(r.body, "queued") {
			t.Errorf("token %s: got %d %s", name, r.code, r.body)
		}
	}
	s.asleep(id)
}

// TestRefusedRequestsLeaveNothing: each wrong request is answered in words, and
// makes neither a row nor a message.
func TestRefusedRequestsLeaveNothing(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	ids := `"project_id":"` + u.project + `"`
	for name, c := range map[string]struct {
		body string
		code int
		word string
	}{
		"no JSON":            {`{"goal":`, 400, "JSON"},
		"no object":          {`["goal"]`, 400, "JSON"},
		"empty":              {``, 400, "JSON"},
		"no goal":            {`{` + ids + `}`, 422, "goal"},
		"blank goal":         {`{` + ids + `,"goal":"   "}`, 422, "goal"},
		"no project":         {`{"goal":"a page"}`, 422, "project_id"},
		"project no UUID":    {`{"project_id":"p1","goal":"a page"}`, 422, "project_id"},
		"port 0":             {`{` + ids + `,"goal":"a page","port":0}`, 422, "port"},
		"port too high":      {`{` + ids + `,"goal":"a page","port":65536}`, 422, "port"},
		"path out":           {`{` + ids + `,"goal":"a page","source":{"files":{"../../etc/x":"y"}}}`, 422, "../../etc/x"},
		"absolute path":      {`{` + ids + `,"goal":"a page","source":{"files":{"/etc/x":"y"}}}`, 422, "/etc/x"},
		"template":           {`{` + ids + `,"goal":"a page","template":"windows"}`, 422, "template"},
		"environment name":   {`{` + ids + `,"goal":"a page","env":{"A B":"c"}}`, 422, "env"},
		"archive, no bucket": {`{` + ids + `,"goal":"a page","source":{"archive":"s3://b/k.tar.gz"}}`, 422, "archive"},
	} {
		r := u.sendStart(c.body, "")
		r.wantError(c.code)
		if !strings.Contains(r.body, c.word) {
			t.Errorf("%s: %s does not name %q", name, r.body, c.word)
		}
	}
	previous := u.body(job.Request{PreviousJobID: job.NewID()})
	u.sendStart(previous, "").wantError(http.StatusNotFound)

	if n := len(s.jobs(t)); n != 0 {
		t.Errorf("%d rows, want none", n)
	}
	if n := s.SQS.Stats("BuildQueue").Total(); n != 0 {
		t.Errorf("%d messages, want none", n)
	}
	if n := s.calls("build"); n != 0 {
		t.Errorf("the build function was called %d times", n)
	}
}

// TestRetryAfterEndsWithTheBuild: while a job builds its status says when to ask
// again, and no longer once it is READY.
func TestRetryAfterEndsWithTheBuild(t *testing.T) {
	s := sharedStack(t)
	u := s.user()
	id := u.start(gated("hello"))
	if r := u.ask(id).want(http.StatusOK); r.RetryAfter == 0 {
		t.Error("the status of a job that builds has no Retry-After")
	}
	s.openGate(s.await(id, "at work", func(j job.Job) bool { return j.Status == job.Checks }))
	s.asleep(id)
	if r := u.ask(id).want(http.StatusOK); r.RetryAfter != 0 {
		t.Error("the status of a READY job has a Retry-After")
	}
}
