package envd

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"siesta/shared/e2b"
	"siesta/shared/job"
)

// files is a source of files with these names, each holding its name; opened
// counts the files that are open.
func files(opened *atomic.Int32, names ...string) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		for _, name := range names {
			if !yield(File{Name: name, Open: func() (io.ReadCloser, error) {
				opened.Add(1)
				return content{strings.NewReader(name), opened}, nil
			}}, nil) {
				return
			}
		}
	}
}

type content struct {
	io.Reader
	opened *atomic.Int32
}

func (c content) Close() error {
	c.opened.Add(-1)
	return nil
}

func TestUpload(t *testing.T) {
	var requests atomic.Int32
	d, c := newDaemon(t, func(_ http.ResponseWriter, r *http.Request) bool {
		requests.Add(1)
		if r.ContentLength != -1 {
			t.Errorf("length %d was known, so the upload was not streamed", r.ContentLength)
		}
		return false
	})
	names := []string{"package.json", "src/app/page.tsx", `odd "name" & =;%41.txt`, "größe/ü 日本.md", "src/[id]/(group)/@slot/x.js"}
	var opened atomic.Int32
	if err := c.Upload(t.Context(), job.Workspace, files(&opened, names...)); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		got, err := os.ReadFile(filepath.Join(d.path(job.Workspace), name))
		if err != nil || string(got) != name {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if requests.Load() != 1 || opened.Load() != 0 {
		t.Errorf("%d requests, %d files left open", requests.Load(), opened.Load())
	}
	if err := c.Upload(t.Context(), job.Workspace, files(&opened)); err != nil || requests.Load() != 1 {
		t.Errorf("no files: %v, %d requests", err, requests.Load())
	}
}

// TestUploadRefusesNamesThatEscape: one bad name at the end, and not even the
// good ones before it are sent.
func TestUploadRefusesNamesThatEscape(t *testing.T) {
	_, c := newDaemon(t, func(_ http.ResponseWriter, r *http.Request) bool {
		t.Errorf("%s was sent", r.URL.Path)
		return false
	})
	for _, name := range []string{"../x", "/etc/passwd", "a/../../x", "..", "a//b", "./a", "~/x", "a\x00b", "a\r\nb", `..\x`, ""} {
		var opened atomic.Int32
		err := c.Upload(t.Context(), job.Workspace, files(&opened, "good", name))
		if !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	for _, root := range []string{"", "project", "/home/user/../x", "/home/user/"} {
		var opened atomic.Int32
		if err := c.Upload(t.Context(), root, files(&opened, "good")); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("root %q: got %v", root, err)
		}
	}
}

func TestUploadThatFails(t *testing.T) {
	broken := errors.New("source is broken")
	full := func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusInsufficientStorage)
		_, _ = io.WriteString(w, `{"code":507,"message":"disk full"}`)
		return true
	}
	several := func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `[{"name":"a"}]`)
		return true
	}
	for _, row := range []struct {
		name      string
		intercept func(http.ResponseWriter, *http.Request) bool
		source    func(*atomic.Int32) iter.Seq2[File, error]
		want      error
	}{
		{"disk full", full, endless, e2b.ErrNoSpace},
		{"fewer were written than sent", several, func(n *atomic.Int32) iter.Seq2[File, error] { return files(n, "a", "b") }, e2b.ErrUnknown},
		{"cut", func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, endless, e2b.ErrUnknown},
		{"file cannot be opened", nil, func(*atomic.Int32) iter.Seq2[File, error] {
			return func(yield func(File, error) bool) {
				yield(File{Name: "a", Open: func() (io.ReadCloser, error) { return nil, broken }}, nil)
			}
		}, broken},
		{"source ends badly", nil, func(*atomic.Int32) iter.Seq2[File, error] {
			return func(yield func(File, error) bool) { yield(File{}, broken) }
		}, broken},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, c := newDaemon(t, row.intercept)
			var opened atomic.Int32
			if err := c.Upload(t.Context(), job.Workspace, row.source(&opened)); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
			if opened.Load() != 0 {
				t.Errorf("%d files left open", opened.Load())
			}
		})
	}
}

// endless is one file that never ends.
func endless(opened *atomic.Int32) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		yield(File{Name: "endless", Open: func() (io.ReadCloser, error) {
			opened.Add(1)
			return content{zeros{}, opened}, nil
		}}, nil)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestUploadWithoutAnAddress(t *testing.T) {
	var opened atomic.Int32
	c := New(Config{URL: "http://no host", HTTP: &http.Client{}})
	if err := c.Upload(t.Context(), job.Workspace, files(&opened, "a")); !errors.Is(err, e2b.ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestUploadEndsWithItsCaller(t *testing.T) {
	arrived := make(chan struct{})
	_, c := newDaemon(t, func(_ http.ResponseWriter, r *http.Request) bool {
		close(arrived)
		_, _ = io.Copy(io.Discard, r.Body)
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	var opened atomic.Int32
	if err := c.Upload(ctx, job.Workspace, endless(&opened)); !errors.Is(err, e2b.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if opened.Load() != 0 {
		t.Errorf("%d files left open", opened.Load())
	}
}

func TestReadFile(t *testing.T) {
	whole := false
	d, c := newDaemon(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if whole {
			r.Header.Del("Range")
		}
		return false
	})
	if err := os.WriteFile(filepath.Join(d.home, "f"), []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.home, "empty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, whole = range []bool{false, true} {
		for _, row := range []struct {
			name   string
			offset int64
			limit  int
			want   string
		}{{"f", 0, 3, "012"}, {"f", 3, 4, "3456"}, {"f", 8, 100, "89"}, {"f", 10, 5, ""}, {"f", 99, 5, ""}, {"empty", 0, 5, ""}} {
			got, err := c.ReadFile(t.Context(), "/home/user/"+row.name, row.offset, row.limit)
			if err != nil || string(got) != row.want {
				t.Errorf("whole %v, %+v: got %q, %v", whole, row, got, err)
			}
		}
	}
	if _, err := c.ReadFile(t.Context(), "/home/user/missing", 0, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
	if _, err := c.ReadFile(t.Context(), "/home/user/f", -1, 1); err == nil {
		t.Error("negative offset: no error")
	}
}

func TestList(t *testing.T) {
	d, c := newDaemon(t, nil)
	d.write("a/b", "a/c/d")
	if names, err := c.List(t.Context(), "/home/user/a"); err != nil || fmt.Sprint(names) != "[b c]" {
		t.Errorf("got %v, %v", names, err)
	}
	if _, err := c.List(t.Context(), "/home/user/missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
}

// User code runs beside envd and may answer in its place.
func TestAnAnswerThatIsTooLongIsNotRead(t *testing.T) {
	var sent atomic.Int64
	pack := false
	_, c := newDaemon(t, func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if pack {
			w.Header().Set("Content-Encoding", "gzip")
			packed := gzip.NewWriter(w)
			defer packed.Close()
			_, _ = io.CopyN(packed, zeros{}, 2*maxMessage)
			return true
		}
		if r.URL.Path != "/files" {
			_, _ = io.CopyN(w, zeros{}, 2*maxMessage)
			return true
		}
		_, _ = io.WriteString(w, `[{"name":"`)
		for chunk := bytes.Repeat([]byte("a"), 1<<20); ; {
			n, err := w.Write(chunk)
			if sent.Add(int64(n)); err != nil || sent.Load() > 128<<20 {
				return true
			}
		}
	})
	if _, err := c.List(t.Context(), "/home/user"); !errors.Is(err, e2b.ErrRefused) {
		t.Errorf("list: got %v", err)
	}
	pack = true
	if _, err := c.List(t.Context(), "/home/user"); !errors.Is(err, e2b.ErrUnknown) {
		t.Errorf("packed list: got %v", err)
	}
	pack = false
	if err := c.Upload(t.Context(), job.Workspace, files(new(atomic.Int32), "a")); !errors.Is(err, e2b.ErrUnknown) {
		t.Errorf("upload: got %v", err)
	}
	if sent.Load() > 128<<20 {
		t.Error("the answer to an upload was read without end")
	}
}

func TestRemove(t *testing.T) {
	var requests atomic.Int32
	d, c := newDaemon(t, func(http.ResponseWriter, *http.Request) bool {
		requests.Add(1)
		return false
	})
	odd := []string{`a "quoted" $HOME;name`, "-rf", "größe", "*", " "}
	many := make([]string, 5000)
	for i := range many {
		many[i] = fmt.Sprintf("src/component%d.tsx", i)
	}
	d.write("project/kept", "project/src/kept", "project/file", "kept", "project/folder/a/b")
	for _, name := range append(odd, many...) {
		d.write("project/" + name)
	}
	names := append(append(odd, many...), "folder", "missing", "file/below", "no/such/folder")
	for range 2 {
		if err := c.Remove(t.Context(), job.Workspace, names); err != nil {
			t.Fatal(err)
		}
	}
	if n := requests.Load(); n != 4 {
		t.Errorf("removing twice took %d requests, want 4", n)
	}
	if left := d.files(); fmt.Sprint(left) != "[kept project/file project/kept project/src/kept]" {
		t.Errorf("left are %v", left)
	}
	if err := c.Remove(t.Context(), "/home/user/missing", names); err != nil {
		t.Errorf("without the folder: %v", err)
	}
}

// One bad name at the end, and not even the good ones before it are removed.
func TestRemoveRefusesNamesThatEscape(t *testing.T) {
	d, c := newDaemon(t, nil)
	d.write("project/good", "other")
	for _, name := range []string{"../other", "/etc/passwd", "a/../../other", "..", ".", "", "a\x00b", "~/other"} {
		if err := c.Remove(t.Context(), job.Workspace, []string{"good", name}); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	for _, folder := range []string{"", "project", "/home/user/../x"} {
		if err := c.Remove(t.Context(), folder, []string{"good"}); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("folder %q: got %v", folder, err)
		}
	}
	if left := d.files(); fmt.Sprint(left) != "[other project/good]" {
		t.Errorf("left are %v", left)
	}
}
