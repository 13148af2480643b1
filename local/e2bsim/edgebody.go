package e2bsim

import (
	"io"
	"net/http"
)

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets upgrades and flushes through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// exactBody is a request's body of known length. The transport looks for bytes
// beyond it, and that look fails if the answer has begun meanwhile, which
// breaks the answer off; so past its length it is not asked any more.
type exactBody struct {
	io.ReadCloser
	left int64
}

func (b *exactBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}
