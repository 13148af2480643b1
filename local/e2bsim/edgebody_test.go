package e2bsim

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// closedBody stands for the body of a request whose answer has begun: what was
// read is there, and any further look is an error.
type closedBody struct{ *strings.Reader }

func (b closedBody) Read(p []byte) (int, error) {
	if b.Len() == 0 {
		return 0, errors.New("invalid read on closed body")
	}
	return b.Reader.Read(p)
}

func (closedBody) Close() error { return nil }

func TestExactBodyIsNotReadPastItsEnd(t *testing.T) {
	body := &exactBody{ReadCloser: closedBody{strings.NewReader("body")}, left: 4}
	for _, want := range []string{"body", ""} { // the transport looks twice
		if got, err := io.ReadAll(body); string(got) != want || err != nil {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
	}
	short := &exactBody{ReadCloser: closedBody{strings.NewReader("bo")}, left: 4}
	if _, err := io.ReadAll(short); err == nil {
		t.Error("a body that broke off looks complete")
	}
}
