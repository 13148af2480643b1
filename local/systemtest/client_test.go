package systemtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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

// page is an app that answers with text at once, from the program of testdata.
func page(text string) job.Request {
	return commands("", "", app(), "index.html", text)
}

// commands is an app with commands of its own, and files: names and contents.
func commands(install, check, start string, files ...string) job.Request {
	r := job.Request{Source: job.Source{Files: map[string]job.File{}}}
	r.Commands = job.Commands{Install: &install, Check: &check, Start: &start}
	for i := 0; i+1 < len(files); i += 2 {
		r.Source.Files[files[i]] = job.File{Content: []byte(files[i+1])}
	}
	return r
}

// visit opens a preview as a browser does, which resolves *.localhost itself.
func (s *system) visit(preview string) (code int, body string) {
	s.t.Helper()
	u, err := url.Parse(preview)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.E2BSandboxURL+u.RequestURI(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Host = u.Host
	resp, err := browser.Do(req)
	if err != nil {
		s.t.Fatalf("visit %s: %v", preview, err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body) // a cut body still came with its status
	return resp.StatusCode, string(text)
}

// send puts a text into a queue by SQS's own protocol, as any backend could.
func (s *system) send(queueURL, body string) {
	s.t.Helper()
	s.sqs("SendMessage", map[string]string{"QueueUrl": queueURL, "MessageBody": body})
}

// sqs makes one call of SQS's API.
func (s *system) sqs(action string, in map[string]string) {
	s.t.Helper()
	data, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.SQSURL, bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	resp, err := browser.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s %s", action, resp.Status, text)
	}
}

// enqueue sends the build message of a job with an id and a request of its own.
func (u user) enqueue(id string, r job.Request) {
	u.t.Helper()
	u.send(u.BuildQueueURL, fmt.Sprintf(`{"version":1,"job_id":%q,"turn":0,"user_id":%q,"request":%s}`, id, u.name, u.body(r)))
}

// folder is a source of all files of a folder.
func folder(t *testing.T, dir string) job.Source {
	t.Helper()
	files := map[string]job.File{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = job.File{Content: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return job.Source{Files: files}
}
