package envd

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

func opener(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil }
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// capture answers an upload of one file and notes the path that it had.
func capture(sent *string) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		zip, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil {
			return nil, err
		}
		part, err := multipart.NewReader(zip, params["boundary"]).NextPart()
		if err != nil {
			return nil, err
		}
		_, params, err = mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil {
			return nil, err
		}
		*sent = params["filename"]
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader([]byte("[{}]")))}, nil
	})
}

// sink unpacks uploads and keeps nothing.
func sink(b *testing.B) *Client {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		zip, err := gzip.NewReader(r.Body)
		if err != nil {
			b.Error(err)
			return
		}
		r.Body = io.NopCloser(zip)
		form, err := r.MultipartReader()
		if err != nil {
			b.Error(err)
			return
		}
		var entries []string
		for {
			part, err := form.NextPart()
			if err != nil {
				break
			}
			_, _ = io.Copy(io.Discard, part)
			entries = append(entries, "{}")
		}
		_, _ = io.WriteString(w, "["+strings.Join(entries, ",")+"]")
	}))
	b.Cleanup(s.Close)
	return New(Config{URL: s.URL, SandboxID: "i1", HTTP: &http.Client{Transport: &http.Transport{}}})
}

// text is source code as far as a compressor can tell.
func text(n int) []byte {
	words := []string{"const ", "return ", "function ", "import ", "{\n", "}\n", "(", ")", "=> ", "\"", ";\n", "props.", "export default "}
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(words[random.IntN(len(words))])
		fmt.Fprintf(&b, "v%d ", random.IntN(500))
	}
	return b.Bytes()[:n]
}

// BenchmarkUpload is the time of many small files in one request, held against
// that of one file with all their bytes; its budget is 1.2.
func BenchmarkUpload(b *testing.B) {
	const count, size = 2000, 4 << 10
	all := text(count * size)
	source := func(count, size int) iter.Seq2[File, error] {
		return func(yield func(File, error) bool) {
			for i := range count {
				open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(all[i*size : (i+1)*size])), nil }
				if !yield(File{Name: fmt.Sprintf("src/components/file%d.tsx", i), Open: open}, nil) {
					return
				}
			}
		}
	}
	c := sink(b)
	took := map[int]time.Duration{}
	for b.Loop() {
		for _, n := range []int{1, count} {
			start := time.Now()
			if err := c.Upload(b.Context(), "/home/user/project", source(n, len(all)/n)); err != nil {
				b.Fatal(err)
			}
			took[n] += time.Since(start)
		}
	}
	b.ReportMetric(took[count].Seconds()/took[1].Seconds(), "many/one")
}

// BenchmarkUploadMemory is the peak of the heap while 100 MB that do not
// compress go out; the server of the same process is in it.
func BenchmarkUploadMemory(b *testing.B) {
	c := sink(b)
	source := func(yield func(File, error) bool) {
		yield(File{Name: "big", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.LimitReader(rand.NewChaCha8([32]byte{}), 100<<20)), nil
		}}, nil)
	}
	peak(b, func() error { return c.Upload(b.Context(), "/home/user/project", source) })
}

// BenchmarkLogMemory is the same while a log of 100 MB is read in pieces.
func BenchmarkLogMemory(b *testing.B) {
	d, c := newDaemon(b, nil)
	if err := os.MkdirAll(d.path(stepDir), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.path(stepDir), "out"), nil, 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(d.path(stepDir), "out"), 100<<20); err != nil {
		b.Fatal(err)
	}
	peak(b, func() error {
		for next := int64(0); next < 100<<20; {
			p, err := c.ReadStep(context.Background(), stepDir, next, 256<<10)
			if err != nil {
				return err
			}
			next = p.Next
		}
		return nil
	})
}

// peak reports the largest heap that was seen while do ran.
func peak(b *testing.B, do func() error) {
	b.Helper()
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	var most uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	runtime.GC()
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-tick.C:
				metrics.Read(heap)
				most = max(most, heap[0].Value.Uint64())
			case <-stop:
				tick.Stop()
				return
			}
		}
	}()
	for b.Loop() {
		if err := do(); err != nil {
			b.Fatal(err)
		}
	}
	close(stop)
	<-stopped
	b.ReportMetric(float64(most)/(1<<20), "peak-MiB")
	if most > 16<<20 {
		b.Errorf("heap grew to %d MiB, want 16 at most", most>>20)
	}
}
