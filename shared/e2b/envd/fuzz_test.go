package envd

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"net/http"
	"path"
	"strings"
	"testing"

	"siesta/shared/job"
)

func FuzzParseProgress(f *testing.F) {
	f.Add([]byte("exited 3 10 20\nsome output"))
	f.Add([]byte("none 0 0 0\n"))
	f.Add([]byte("running 0 -1 5\nx"))
	f.Add([]byte("bash: warning\nrunning 0 0 0\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		p, err := parseProgress(out)
		if err == nil && (p.Phase == "" || p.Next < int64(len(p.Output)) || p.Size < 0) {
			t.Errorf("%q: %+v", out, p)
		}
	})
}

func FuzzCountEntries(f *testing.F) {
	f.Add([]byte(`[{"name":"a"},{"name":"b"}]`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if n, err := countEntries(bytes.NewReader(body)); err == nil && n > len(body) {
			t.Errorf("%q: %d entries", body, n)
		}
	})
}

// FuzzUploadPath: whatever is sent ends below the root.
func FuzzUploadPath(f *testing.F) {
	for _, name := range []string{"a/b", "../x", "a/../../x", "/x", `a"b`, "a\nb", "a/./b", "..", "\xff"} {
		f.Add(name)
	}
	_, c := newDaemon(f, nil)
	f.Fuzz(func(t *testing.T, name string) {
		sent := ""
		source := func(yield func(File, error) bool) { yield(File{Name: name, Open: opener("x")}, nil) }
		c := &Client{url: c.url, http: &http.Client{Transport: capture(&sent)}}
		err := c.Upload(t.Context(), job.Workspace, iter.Seq2[File, error](source))
		if errors.Is(err, job.ErrInvalid) {
			if sent != "" {
				t.Errorf("%q is refused, but %q was sent", name, sent)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if sent != job.Workspace+"/"+name || path.Clean(sent) != sent || !strings.HasPrefix(sent, job.Workspace+"/") {
			t.Errorf("%q is sent as %q", name, sent)
		}
	})
}

func FuzzEdgeFailure(f *testing.F) {
	f.Add(502, []byte(`{"sandboxId":"i1","message":"x","code":502,"port":3}`))
	f.Add(500, []byte("plain"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		resp := &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(body))}
		err := edgeFailure(resp)
		if err != nil {
			return
		}
		if left, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(left, body) {
			t.Errorf("body %q became %q, %v", body, left, err)
		}
	})
}
