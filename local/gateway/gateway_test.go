package gateway_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/gateway"

	"github.com/aws/aws-lambda-go/events"
)

// api is the front door of all tests. Its handlers change none of it.
var api = gateway.API{
	Routes: []gateway.Route{
		{Function: "health", Method: "ANY", Path: "/health/{rest+}", Open: true},
		{Function: "health", Method: "GET", Path: "/health/best", Scopes: []string{"read"}},
		{Function: "start", Method: "POST", Path: "/jobs"},
		{Function: "status", Method: "GET", Path: "/jobs/{job_id}/status"},
	},
	CORS: &gateway.CORS{
		AllowOrigins: []string{"http://localhost:3000", "https://app.example"}, AllowMethods: []string{"GET", "POST"},
		AllowHeaders: []string{"authorization", "idempotency-key"}, ExposeHeaders: []string{"retry-after"}, MaxAge: 3600,
	},
}

// system is a gateway whose functions the test plays.
type system struct {
	*httptest.Server
	issuer  *gateway.Issuer
	gateway *gateway.Gateway
	event   events.APIGatewayV2HTTPRequest // of the last call
	invoked string                         // its function
	answer  func() ([]byte, string, error)
}

// issuer is one for all tests, since its key takes a while to make.
var issuer = sync.OnceValues(func() (*gateway.Issuer, error) {
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return gateway.OpenIssuer(filepath.Join(dir, "key.pem"), "http://issuer.local", "siesta")
})

func start(t testing.TB) *system {
	t.Helper()
	s := &system{answer: func() ([]byte, string, error) { return []byte(`{"statusCode":200}`), "", nil }}
	s.gateway = &gateway.Gateway{API: api, Invoke: func(ctx context.Context, function string, payload []byte) ([]byte, string, error) {
		s.event, s.invoked = events.APIGatewayV2HTTPRequest{}, function
		if err := json.Unmarshal(payload, &s.event); err != nil {
			t.Errorf("event: %v", err)
		}
		return s.answer()
	}}
	s.Server = httptest.NewServer(s.gateway)
	t.Cleanup(s.Close)
	var err error
	if s.issuer, err = issuer(); err != nil {
		t.Fatal(err)
	}
	s.gateway.Authorizer = s.issuer.Authorizer()
	return s
}

func (s *system) token(t testing.TB, claims map[string]any) string {
	t.Helper()
	token, err := s.issuer.Token("user-1", claims, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// do sends a request, with a good token unless the headers say otherwise, and
// returns status, headers and body.
func (s *system) do(t testing.TB, method, path, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token(t, nil))
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Add(headers[i], headers[i+1]); headers[i] == "Authorization" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, strings.TrimSpace(string(got))
}

func TestRouting(t *testing.T) {
	s := start(t)
	read := "Bearer " + s.token(t, map[string]any{"scope": "read write"})
	for _, c := range []struct {
		method, path, function, key string
		parameters                  map[string]string
	}{
		{"GET", "/jobs/j%2F1%20x/status", "status", "GET /jobs/{job_id}/status", map[string]string{"job_id": "j/1 x"}},
		{"POST", "/jobs", "start", "POST /jobs", nil},
		{"DELETE", "/health/a/b", "health", "ANY /health/{rest+}", map[string]string{"rest": "a/b"}},
		{"GET", "/health/best", "health", "GET /health/best", nil},
	} {
		status, headers, _ := s.do(t, c.method, c.path, "", "Authorization", read)
		if status != 200 || s.invoked != c.function || s.event.RouteKey != c.key || !reflect.DeepEqual(s.event.PathParameters, c.parameters) {
			t.Errorf("%s %s: got %d, %s, %q, %v", c.method, c.path, status, s.invoked, s.event.RouteKey, s.event.PathParameters)
		}
		if id := headers.Get("Apigw-Requestid"); id == "" || id != s.event.RequestContext.RequestID {
			t.Errorf("request id: got %q and %q", id, s.event.RequestContext.RequestID)
		}
	}
	for _, c := range [][2]string{{"GET", "/"}, {"GET", "/jobs"}, {"POST", "/jobs/"}, {"GET", "/jobs//status"}, {"GET", "/jobs/1/status/2"}, {"GET", "/health/"}} {
		if status, _, body := s.do(t, c[0], c[1], ""); status != 404 || body != `{"message":"Not Found"}` {
			t.Errorf("%v: got %d %s", c, status, body)
		}
	}
}

func TestEvent(t *testing.T) {
	s := start(t)
	token := s.token(t, map[string]any{"tier": "partner", "groups": []string{"a", "b"}, "verified": true, "n": 12345678901})
	s.do(t, "POST", "/jobs?a=1&b=x%20y&a=2", `{"goal":"ü"}`, "Authorization", "Bearer "+token, "Content-Type", "application/json",
		"X-Many", "1", "X-Many", "2", "Cookie", "c1=v1; c2=v2", "User-Agent", "test")
	e := s.event
	if e.Version != "2.0" || e.RawPath != "/jobs" || e.RawQueryString != "a=1&b=x%20y&a=2" || e.Body != `{"goal":"ü"}` || e.IsBase64Encoded {
		t.Errorf("got %+v", e)
	}
	if !reflect.DeepEqual(e.QueryStringParameters, map[string]string{"a": "1,2", "b": "x y"}) || !reflect.DeepEqual(e.Cookies, []string{"c1=v1", "c2=v2"}) {
		t.Errorf("query %v, cookies %v", e.QueryStringParameters, e.Cookies)
	}
	for name, want := range map[string]string{"x-many": "1,2", "content-type": "application/json", "cookie": "", "host": strings.TrimPrefix(s.URL, "http://"), "x-forwarded-proto": "http"} {
		if e.Headers[name] != want {
			t.Errorf("header %s: got %q, want %q", name, e.Headers[name], want)
		}
	}
	if c := e.RequestContext; c.HTTP.Method != "POST" || c.HTTP.Path != "/jobs" || c.HTTP.SourceIP != "127.0.0.1" || c.HTTP.UserAgent != "test" || c.Stage != "$default" || c.TimeEpoch == 0 {
		t.Errorf("context: %+v", c)
	}
	claims := e.RequestContext.Authorizer.JWT.Claims
	for name, want := range map[string]string{"sub": "user-1", "tier": "partner", "groups": "[a b]", "verified": "true", "n": "12345678901", "aud": "siesta", "iss": "http://issuer.local"} {
		if claims[name] != want {
			t.Errorf("claim %s: got %q, want %q", name, claims[name], want)
		}
	}
	s.do(t, "GET", "/health/x", "")
	if s.event.RequestContext.Authorizer != nil {
		t.Error("an open route tells of an identity that nobody checked")
	}
}

// What is no text reaches the function whole, in base64.
func TestBinaryBody(t *testing.T) {
	s := start(t)
	for kind, text := range map[string]bool{
		"application/json; charset=utf-8": true, "text/plain": true, "application/problem+json": true, "": true,
		"application/octet-stream": false, "application/x-www-form-urlencoded": false, "image/png": false,
	} {
		for _, body := range []string{"plain", "\xff\x00"} {
			s.do(t, "POST", "/jobs", body, "Content-Type", kind)
			want, encoded := body, !text || body != "plain"
			if encoded {
				want = base64.StdEncoding.EncodeToString([]byte(body))
			}
			if s.event.Body != want || s.event.IsBase64Encoded != encoded {
				t.Errorf("%q %q: got %q, %t", kind, body, s.event.Body, s.event.IsBase64Encoded)
			}
		}
	}
	s.do(t, "POST", "/jobs", "zip", "Content-Type", "application/json", "Content-Encoding", "gzip")
	if !s.event.IsBase64Encoded {
		t.Error("a compressed body went out as text")
	}
}

func TestResponses(t *testing.T) {
	s := start(t)
	var report error
	s.gateway.Report = func(err error) { report = err }
	for name, c := range map[string]struct {
		payload, functionError string
		err                    error
		status                 int
		body, contentType      string
	}{
		"whole":        {payload: `{"statusCode":201,"headers":{"Content-Type":"application/json","X-N":5},"cookies":["a=1","b=2"],"body":"{}"}`, status: 201, body: "{}", contentType: "application/json"},
		"no type":      {payload: `{"statusCode":404,"body":"x"}`, status: 404, body: "x", contentType: "text/plain;charset=UTF-8"},
		"base64":       {payload: `{"statusCode":200,"body":"` + base64.StdEncoding.EncodeToString([]byte("bin")) + `","isBase64Encoded":true}`, status: 200, body: "bin", contentType: "text/plain;charset=UTF-8"},
		"text status":  {payload: `{"statusCode":"202"}`, status: 202, contentType: "text/plain;charset=UTF-8"},
		"no status":    {payload: `{"message":"hi"}`, status: 200, body: `{"message":"hi"}`, contentType: "application/json"},
		"other shape":  {payload: `{"headers":5}`, status: 200, body: `{"headers":5}`, contentType: "application/json"},
		"a string":     {payload: `"hi"`, status: 200, body: "hi", contentType: "application/json"},
		"a list":       {payload: `[1]`, status: 200, body: "[1]", contentType: "application/json"},
		"no JSON":      {payload: `hi`, status: 500, body: `{"message":"Internal Server Error"}`, contentType: "application/json"},
		"bad status":   {payload: `{"statusCode":7}`, status: 500, body: `{"message":"Internal Server Error"}`, contentType: "application/json"},
		"bad shape":    {payload: `{"statusCode":200,"headers":5}`, status: 500, body: `{"message":"Internal Server Error"}`, contentType: "application/json"},
		"bad base64":   {payload: `{"statusCode":200,"body":"%","isBase64Encoded":true}`, status: 500, body: `{"message":"Internal Server Error"}`, contentType: "application/json"},
		"failed":       {payload: `{"errorMessage":"secret"}`, functionError: "Unhandled", status: 500, body: `{"message":"Internal Server Error"}`, contentType: "application/json"},
		"cannot start": {err: io.ErrUnexpectedEOF, status: 503, body: `{"message":"Service Unavailable"}`, contentType: "application/json"},
	} {
		s.answer = func() ([]byte, string, error) { return []byte(c.payload), c.functionError, c.err }
		report = nil
		status, headers, body := s.do(t, "POST", "/jobs", "")
		if status != c.status || body != c.body || headers.Get("Content-Type") != c.contentType {
			t.Errorf("%s: got %d %s %q", name, status, headers.Get("Content-Type"), body)
		}
		if (report != nil) != (status >= 500) || c.err != nil && !errors.Is(report, c.err) || status == 500 && !errors.Is(report, gateway.ErrIntegration) {
			t.Errorf("%s: reported %v", name, report)
		}
		if name == "whole" && (headers.Get("X-N") != "5" || !reflect.DeepEqual(headers["Set-Cookie"], []string{"a=1", "b=2"})) {
			t.Errorf("headers: got %v", headers)
		}
	}
}

func TestLimits(t *testing.T) {
	s := start(t)
	for name, size := range map[string]int{"lambda": 7 << 20, "gateway": 10<<20 + 1} {
		if status, _, body := s.do(t, "POST", "/jobs", strings.Repeat("x", size)); status != 413 || body != `{"message":"Request Entity Too Large"}` {
			t.Errorf("%s: got %d %s", name, status, body)
		}
	}
	s.gateway.Timeout = time.Millisecond
	s.gateway.Invoke = func(ctx context.Context, _ string, _ []byte) ([]byte, string, error) {
		<-ctx.Done()
		return nil, "", ctx.Err()
	}
	if status, _, body := s.do(t, "POST", "/jobs", ""); status != 503 || body != `{"message":"Service Unavailable"}` {
		t.Errorf("time-out: got %d %s", status, body)
	}
}

// A client that hangs up does not end the function.
func TestHangUp(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.gateway.Invoke = func(ctx context.Context, _ string, _ []byte) ([]byte, string, error) {
		cancel()
		if err := ctx.Err(); err != nil {
			t.Errorf("the function's context: %v", err)
		}
		return []byte("{}"), "", nil
	}
	s.gateway.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "POST", "/health/x", nil))
	if ctx.Err() == nil {
		t.Error("the function was not called")
	}
}

func TestCORS(t *testing.T) {
	s := start(t)
	preflight := []string{"Authorization", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST"}
	status, headers, _ := s.do(t, "OPTIONS", "/jobs", "", preflight...)
	if status != 204 || s.invoked != "" || headers.Get("Access-Control-Allow-Origin") != "https://app.example" || headers.Get("Access-Control-Allow-Methods") != "GET,POST" ||
		headers.Get("Access-Control-Allow-Headers") != "authorization,idempotency-key" || headers.Get("Access-Control-Max-Age") != "3600" {
		t.Errorf("preflight: got %d, %q, %v", status, s.invoked, headers)
	}
	preflight[3] = "https://evil.example"
	if _, headers, _ = s.do(t, "OPTIONS", "/jobs", "", preflight...); headers.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("foreign origin: got %v", headers)
	}
	s.answer = func() ([]byte, string, error) {
		return []byte(`{"statusCode":200,"headers":{"access-control-allow-origin":"*"}}`), "", nil
	}
	_, headers, _ = s.do(t, "POST", "/jobs", "", "Origin", "http://localhost:3000")
	if got := headers["Access-Control-Allow-Origin"]; !reflect.DeepEqual(got, []string{"http://localhost:3000"}) || headers.Get("Access-Control-Expose-Headers") != "retry-after" {
		t.Errorf("answer: got %v", headers)
	}
	// A page must be able to read a refusal, too.
	if status, headers, _ = s.do(t, "POST", "/jobs", "", "Authorization", "x", "Origin", "http://localhost:3000"); status != 401 || headers.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("refusal: got %d %v", status, headers)
	}
}

func BenchmarkRequest(b *testing.B) {
	s := start(b)
	for b.Loop() {
		s.do(b, "POST", "/jobs", `{"goal":"x"}`)
	}
}
