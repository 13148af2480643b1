package e2bsim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// answer is what a call is answered with, before a fault gets at it.
type answer struct {
	status int
	header http.Header
	body   any    // JSON; nil: no body
	text   string // plain text instead, as a load balancer sends
}

// failure is an error answer in E2B's JSON.
type failure struct {
	Code      int    `json:"code"`
	Message   string `json:"message"`
	ErrorCode string `json:"error_code,omitempty"`

	retryAfter  int    // seconds; 0: no header
	shouldRetry string // "true" or "false", which clients obey; empty: no header
}

func fail(code int, message string) *failure { return &failure{Code: code, Message: message} }

func (f *failure) answer() answer {
	a := answer{status: f.Code, body: f, header: http.Header{}}
	if f.shouldRetry != "" {
		a.header.Set("Should-Retry", f.shouldRetry)
	}
	if f.retryAfter == 0 {
		return a
	}
	seconds := strconv.Itoa(f.retryAfter)
	a.header.Set("Retry-After", seconds)
	if f.Code == http.StatusTooManyRequests {
		a.header.Set("RateLimit-Limit", "20000")
		a.header.Set("RateLimit-Remaining", "0")
		a.header.Set("RateLimit-Reset", seconds)
	}
	return a
}

func ok(status int, body any) answer { return answer{status: status, body: body} }

// response renders a as the HTTP response that it is.
func (a answer) response() *http.Response {
	res := &http.Response{StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Header: a.header.Clone()}
	if res.Header == nil {
		res.Header = http.Header{}
	}
	var body []byte
	switch {
	case a.text != "":
		body = []byte(a.text)
		res.Header.Set("Content-Type", "text/plain")
	case a.body != nil:
		body, _ = json.Marshal(a.body)
		res.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	res.ContentLength = int64(len(body))
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

func (a answer) write(w http.ResponseWriter) {
	res := a.response()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = io.Copy(w, res.Body)
}

// writeHalf sends the first half of the answer and cuts the connection.
func (a answer) writeHalf(w http.ResponseWriter) {
	var raw bytes.Buffer
	_ = a.response().Write(&raw)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = conn.Write(raw.Bytes()[:raw.Len()/2])
	_ = conn.Close()
}
