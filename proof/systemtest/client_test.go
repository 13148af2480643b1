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

	"siesta/shared/job"
)

// page is an app that answers with text at once, from the program of testdata.
func page(text string) job.Request {
	return commands("", "", app(), "index.html", text)
}

// gated is a page whose check ends after openGate.
func gated(text string) job.Request {
	return commands("", "until test -e go; do sleep 0.1; done", app(), "index.html", text)
}

// openGate lets the check of a gated job end.
func (s *system) openGate(j job.Job) {
	s.t.Helper()
	gate := filepath.Join(s.dir, "data", "sandboxes", j.SandboxID, "home", "project", "go")
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		s.t.Fatal(err)
	}
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

// visit opens a preview as a browser does that was told where its domain is.
func (s *system) visit(preview string) (code int, body string) {
	s.t.Helper()
	code, body, err := s.tryVisit(preview)
	if err != nil {
		s.t.Fatalf("visit %s: %v", preview, err)
	}
	return code, body
}

// tryVisit is visit where the app may end in the middle of it.
func (s *system) tryVisit(preview string) (code int, body string, err error) {
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
		return 0, "", err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body) // a cut body still came with its status
	return resp.StatusCode, string(text), nil
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

// purge empties a queue, as a queue that loses its messages does.
func (s *system) purge(queue string) {
	s.t.Helper()
	s.sqs("PurgeQueue", map[string]string{"QueueUrl": s.SQS.URL(queue)})
}

// connectOutside wakes a sandbox as somebody does who has the API key and does
// not know Siesta.
func (s *system) connectOutside(sandboxID string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.E2BAPIURL+"/sandboxes/"+sandboxID+"/connect", strings.NewReader(`{"timeout":3600}`))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-API-Key", s.E2BAPIKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := browser.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		s.t.Fatalf("connect answered %s", resp.Status)
	}
}
