package e2bsim

import (
	"io"
	"log"
	"net/http"
)

// quiet swallows what the reverse proxy would log about cut connections.
var quiet = log.New(io.Discard, "", 0)

// cut returns a writer that cuts the caller's connection where the fault says:
// at the answer's first byte, after some of its bytes, or in an upload.
func (f *Fault) cut(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	switch {
	case f.is(AnswerLost):
		return &cutWriter{ResponseWriter: w, left: 0}
	case f.is(CutHalfway) && f.Call == Files && r.Method == http.MethodPost:
		r.Body = &cutReader{ReadCloser: r.Body, left: f.Bytes}
		r.ContentLength = -1
	case f.is(CutHalfway):
		return &cutWriter{ResponseWriter: w, left: f.Bytes}
	}
	return w
}

// cutWriter passes left bytes of an answer's body and then cuts the
// connection; with none to pass, not even the header goes out.
type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (w *cutWriter) WriteHeader(status int) {
	if w.left == 0 {
		panic(http.ErrAbortHandler)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if int64(len(p)) <= w.left {
		w.left -= int64(len(p))
		return w.ResponseWriter.Write(p)
	}
	_, _ = w.ResponseWriter.Write(p[:w.left])
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// cutReader passes left bytes of an upload and then fails, which makes the
// proxy drop both connections.
type cutReader struct {
	io.ReadCloser
	left int64
}

func (r *cutReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := r.ReadCloser.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}
