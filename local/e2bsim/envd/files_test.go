package envd

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// form is a multipart body: names and contents in pairs, all under one field.
func form(field string, files ...string) (body *bytes.Buffer, contentType string) {
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for i := 0; i < len(files); i += 2 {
		part, _ := w.CreateFormFile(field, files[i])
		io.WriteString(part, files[i+1])
	}
	w.Close()
	return body, w.FormDataContentType()
}

func (d *daemon) wantFile(path, want string) {
	d.t.Helper()
	got, err := os.ReadFile(filepath.Join(d.home, path))
	if err != nil || string(got) != want {
		d.t.Errorf("%s: got %q, %v; want %q", path, got, err, want)
	}
}

func TestUploads(t *testing.T) {
	d := startDaemon(t)
	post := func(query string, body io.Reader, contentType string, more ...string) (*http.Response, string) {
		return d.call("POST", "/files"+query, body, append([]string{"X-Access-Token", token, "Content-Type", contentType}, more...)...)
	}
	t.Run("raw", func(t *testing.T) {
		resp, body := post("?path=deep/down/raw.bin", strings.NewReader("raw"), "application/octet-stream")
		var got []written
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got) != 1 || got[0].Name != "raw.bin" || got[0].Path != d.home+"/deep/down/raw.bin" || got[0].Type != "file" {
			t.Errorf("answer: got %s", body)
		}
		if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
			t.Errorf("content type: got %s, want envd's text/plain", kind)
		}
		d.wantFile("deep/down/raw.bin", "raw")
		post("?path=~/deep/down/raw.bin", strings.NewReader("x"), "application/octet-stream")
		d.wantFile("deep/down/raw.bin", "x")
	})
	t.Run("many in one request", func(t *testing.T) {
		body, kind := form("file", "a/one.txt", "1", "two.txt", "2")
		if _, answer := post("", body, kind); strings.Count(answer, `"path"`) != 2 {
			t.Errorf("answer: got %s", answer)
		}
		d.wantFile("a/one.txt", "1")
		d.wantFile("two.txt", "2")
	})
	t.Run("gzip", func(t *testing.T) {
		plain, kind := form("file", "ignored-name", "zipped")
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		io.Copy(zip, plain)
		zip.Close()
		post("?path=named", &packed, kind, "Content-Encoding", "gzip")
		d.wantFile("named", "zipped")
	})
	t.Run("stops at the first bad part", func(t *testing.T) {
		os.Mkdir(filepath.Join(d.home, "taken"), 0o755)
		body, kind := form("file", "before", "b", "taken", "x", "after", "a")
		resp, answer := post("", body, kind)
		wantError(t, resp, answer, http.StatusBadRequest)
		d.wantFile("before", "b")
		if _, err := os.Stat(filepath.Join(d.home, "after")); err == nil {
			t.Error("a file after the bad one was written")
		}
	})
	twice, twiceKind := form("file", "same", "1", "same", "2")
	for name, c := range map[string]struct {
		query, kind string
		body        io.Reader
	}{
		"a directory":          {"?path=taken", "application/octet-stream", strings.NewReader("x")},
		"no path":              {"", "application/octet-stream", strings.NewReader("x")},
		"another content type": {"?path=x", "text/plain", strings.NewReader("x")},
		"another's home":       {"?path=~root/x", "application/octet-stream", strings.NewReader("x")},
		"one path twice":       {"", twiceKind, twice},
	} {
		resp, body := post(c.query, c.body, c.kind)
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", name, resp.StatusCode, body)
		}
	}
	resp, body := post("?path=x", strings.NewReader("x"), "application/octet-stream", "Content-Encoding", "br")
	wantError(t, resp, body, http.StatusBadRequest)
}

func TestDownloads(t *testing.T) {
	d := startDaemon(t)
	os.WriteFile(filepath.Join(d.home, "page.html"), []byte("0123456789"), 0o644)
	get := func(path string, headers ...string) (*http.Response, string) {
		return d.call("GET", "/files?path="+path, nil, append([]string{"X-Access-Token", token}, headers...)...)
	}
	if resp, body := get("page.html"); body != "0123456789" || resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("Content-Disposition") != "inline; filename=page.html" {
		t.Errorf("plain: got %q, headers %v", body, resp.Header)
	}
	if resp, body := get("page.html", "Range", "bytes=2-4", "Accept-Encoding", "gzip"); resp.StatusCode != http.StatusPartialContent || body != "234" {
		t.Errorf("range: got %d %q", resp.StatusCode, body)
	}
	resp, _ := get("page.html", "If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	if resp.StatusCode != http.StatusNotModified {
		t.Errorf("condition: got %d, want 304", resp.StatusCode)
	}
	resp, body := get("page.html", "Accept-Encoding", "gzip, deflate")
	unzipped, err := gzip.NewReader(strings.NewReader(body))
	if err != nil || resp.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("gzip: got %v, headers %v", err, resp.Header)
	}
	if text, _ := io.ReadAll(unzipped); string(text) != "0123456789" {
		t.Errorf("gzip: got %q", text)
	}
	for path, code := range map[string]int{"missing": 404, "": 400, "~root/x": 400} {
		resp, body := get(path)
		wantError(t, resp, body, code)
	}
	resp, body = get("page.html", "Accept-Encoding", "br, identity;q=0")
	wantError(t, resp, body, http.StatusNotAcceptable)
}

func TestSignatures(t *testing.T) {
	d := startDaemon(t)
	os.WriteFile(filepath.Join(d.home, "f"), []byte("signed"), 0o644)
	sign := func(parts ...any) string {
		text := strings.TrimSuffix(strings.Repeat("%v:", len(parts)), ":")
		sum := sha256.Sum256(fmt.Appendf(nil, text, parts...))
		return "v1_" + base64.RawStdEncoding.EncodeToString(sum[:])
	}
	get := func(signature string, more ...string) (*http.Response, string) {
		q := url.Values{"path": {"f"}, "signature": {signature}}
		for i := 0; i < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return d.call("GET", "/files?"+q.Encode(), nil)
	}
	later, before := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	for name, do := range map[string]func() (*http.Response, string){
		"plain": func() (*http.Response, string) { return get(sign("f", "read", "", token)) },
		"user":  func() (*http.Response, string) { return get(sign("f", "read", "user", token), "username", "user") },
		"expiration": func() (*http.Response, string) {
			return get(sign("f", "read", "", token, later), "signature_expiration", fmt.Sprint(later))
		},
	} {
		if resp, body := do(); resp.StatusCode != http.StatusOK || body != "signed" {
			t.Errorf("%s: got %d %q", name, resp.StatusCode, body)
		}
	}
	for name, do := range map[string]func() (*http.Response, string){
		"for writing":   func() (*http.Response, string) { return get(sign("f", "write", "", token)) },
		"another path":  func() (*http.Response, string) { return get(sign("g", "read", "", token)) },
		"another token": func() (*http.Response, string) { return get(sign("f", "read", "", "wrong")) },
		"expired": func() (*http.Response, string) {
			return get(sign("f", "read", "", token, before), "signature_expiration", fmt.Sprint(before))
		},
		"prolonged": func() (*http.Response, string) {
			return get(sign("f", "read", "", token, before), "signature_expiration", fmt.Sprint(later))
		},
	} {
		resp, body := do()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %d %q", name, resp.StatusCode, body)
		}
	}
}

func TestCompose(t *testing.T) {
	d := startDaemon(t)
	write := func(name, text string) { os.WriteFile(filepath.Join(d.home, name), []byte(text), 0o644) }
	compose := func(body string) (*http.Response, string) {
		return d.call("POST", "/files/compose", strings.NewReader(body), "X-Access-Token", token, "Content-Type", "application/json")
	}
	write("a", "first ")
	write("b", "second")
	write("whole", "old")
	for body, code := range map[string]int{
		`{"source_paths":[],"destination":"whole"}`:              400,
		`{"source_paths":["a"]}`:                                 400,
		`{"source_paths":["a","missing"],"destination":"whole"}`: 404,
		`{"source_paths":["a","."],"destination":"whole"}`:       400,
		`{"source_paths":["a"],"destination":"./a"}`:             400,
		`no json`: 400,
		`{"source_paths":["a"],"destination":"x","username":"root"}`: 401,
	} {
		resp, answer := compose(body)
		if resp.StatusCode != code {
			t.Errorf("%s: got %d %s", body, resp.StatusCode, answer)
		}
	}
	d.wantFile("whole", "old")
	if resp, answer := compose(`{"source_paths":["a","b"],"destination":"whole"}`); resp.StatusCode != http.StatusOK || !strings.Contains(answer, `"name":"whole"`) {
		t.Errorf("compose: got %d %s", resp.StatusCode, answer)
	}
	d.wantFile("whole", "first second")
	if entries, _ := os.ReadDir(d.home); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}
