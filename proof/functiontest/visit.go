package functiontest

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"siesta/proof/openapi"
	"siesta/shared/api"
)

// Site is where visitors reach the API.
const Site = "https://api.example.com"

// Reply is what a visitor's browser gets.
type Reply struct {
	T      testing.TB
	Status int
	Header map[string]string
	Text   string
	Told   map[string]any // of JSON
}

// Visit is the call of a route below /p/{token}, as the page in a browser makes it. The
// token may have a query; header is what the browser sends beside what it always does,
// and may change that. What is answered as JSON, and what is of the page's own route, is
// as docs/openapi.yaml says, or the test fails.
func Visit(t testing.TB, handle func(context.Context, api.Request) (api.Response, error), route, token, body string, header map[string]string) Reply {
	t.Helper()
	address, query, _ := strings.Cut(token, "?")
	r := api.Request{RouteKey: route, Body: body, PathParameters: map[string]string{"token": address}, QueryStringParameters: map[string]string{}}
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	for name := range values {
		r.QueryStringParameters[name] = values.Get(name)
	}
	r.Headers = map[string]string{"host": "api.example.com", "x-forwarded-proto": "https"}
	if strings.HasPrefix(route, "POST ") {
		r.Headers["sec-fetch-site"], r.Headers["origin"], r.Headers["content-type"] = "same-origin", Site, "application/json"
	}
	for name, value := range header {
		r.Headers[name] = value
	}
	resp, err := handle(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	got := Reply{T: t, Status: resp.StatusCode, Header: resp.Headers, Text: resp.Body}
	_ = json.Unmarshal([]byte(resp.Body), &got.Told)
	form := r.Headers["content-type"] == "application/x-www-form-urlencoded"
	if !form && (got.Told != nil || route == "GET /p/{token}") {
		if err := openapi.Check(answer(r, resp)); err != nil {
			t.Error(err)
		}
	}
	return got
}

// document is a page with the body that it has between its style and its script.
var document = regexp.MustCompile(`(?s)^.*(<body.*)<script>.*$`)

// Want checks what a browser gets: the status, and parts of the text.
func (r Reply) Want(status int, parts ...string) {
	r.T.Helper()
	body := document.ReplaceAllString(r.Text, "$1")
	if r.Status != status {
		r.T.Errorf("got %d %s, want %d", r.Status, body, status)
	}
	for _, part := range parts {
		if !strings.Contains(r.Text, part) {
			r.T.Errorf("%q is missing in:\n%s", part, body)
		}
	}
}
