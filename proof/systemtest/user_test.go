package systemtest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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
	t      testing.TB
	code   int
	header http.Header
	body   string
}

// answer is what the API tells of a job; a pointer tells null from "".
type answer struct {
	JobID            string           `json:"job_id"`
	Status           job.Status       `json:"status"`
	StageLabel       string           `json:"stage_label"`
	PreviewURL       *string          `json:"preview_url"`
	BuildVersion     *string          `json:"build_version"`
	ErrorMessage     *string          `json:"error_message"`
	DebugID          *string          `json:"debug_id"`
	SandboxExpiresAt *string          `json:"sandbox_expires_at"`
	SandboxPaused    bool             `json:"sandbox_paused"`
	SandboxState     job.SandboxState `json:"sandbox_state"`
	Revision         int64            `json:"revision"`
	Detail           json.RawMessage  `json:"detail"`
	Paused           bool             `json:"paused"`
}

func (r reply) answer() answer {
	r.t.Helper()
	var a answer
	if err := json.Unmarshal([]byte(r.body), &a); err != nil {
		r.t.Fatalf("the answer %d %q: %v", r.code, r.body, err)
	}
	return a
}

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
	var told struct {
		Detail  any    `json:"detail"`
		DebugID string `json:"debug_id"`
	}
	err := json.Unmarshal([]byte(r.body), &told)
	if r.code != code || err != nil || told.DebugID == "" || told.Detail == nil || told.Detail == "" {
		r.t.Errorf("got %d %s (%v), want %d with detail and debug_id", r.code, r.body, err, code)
	}
	for _, inside := range []string{"pgx", "SQLSTATE", "dial tcp", "redis", "127.0.0.1", "goroutine", "panic"} {
		if strings.Contains(r.body, inside) {
			r.t.Errorf("the answer tells of the inside: %s", r.body)
		}
	}
}

var browser = http.Client{Timeout: 45 * time.Second}

// call makes one call; headers are names and values.
func (u user) call(method, path, body string, headers ...string) reply {
	u.t.Helper()
	req, err := http.NewRequestWithContext(u.t.Context(), method, u.APIURL+path, strings.NewReader(body))
	if err != nil {
		u.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+u.token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := browser.Do(req)
	if err != nil {
		u.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		u.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{u.t, resp.StatusCode, resp.Header, string(text)}
}

// start starts a job and returns its id.
func (u user) start(r job.Request) string {
	u.t.Helper()
	id := u.call(http.MethodPost, "/api/generation/start", u.body(r)).want(http.StatusCreated).answer().JobID
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
	return u.call(http.MethodGet, "/api/generation/"+id+"/status", "")
}

func (u user) status(id string) answer {
	u.t.Helper()
	return u.ask(id).want(http.StatusOK).answer()
}

// resume, snapshot and cancel.
func (u user) post(id, verb string) reply {
	u.t.Helper()
	return u.call(http.MethodPost, "/api/generation/"+id+"/"+verb, "")
}

// resumed resumes a preview, asking again as it is told, and returns the
// answer.
func (u user) resumed(id string) answer {
	u.t.Helper()
	var r reply
	u.until("job "+id+" is resumed", func() bool {
		r = u.post(id, "resume")
		if r.code == http.StatusAccepted && r.header.Get("Retry-After") == "" {
			u.t.Errorf("a 202 has no Retry-After: %s", r.body)
		}
		return r.code != http.StatusAccepted
	})
	return r.want(http.StatusOK).answer()
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
