package functiontest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/client"
	"siesta/proof/openapi"
	"siesta/shared/api"
)

// Gateway is the request id of every call.
const Gateway = "gateway-1"

// JobRequest is a user's call about a job, on a route as "GET /path/{job_id}". The
// user "" has no token.
func JobRequest(route, user, id string) api.Request {
	r := api.Request{RouteKey: route, PathParameters: map[string]string{"job_id": id}}
	r.RequestContext.RequestID = Gateway
	if user == "" {
		return r
	}
	return As(r, map[string]string{"sub": user})
}

// As is a call with the claims of a token that the gateway has checked.
func As(r api.Request, claims map[string]string) api.Request {
	r.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: claims},
	}
	return r
}

// Call is a function's answer, whose body is a JSON object. The test fails unless
// the answer is as docs/openapi.yaml says. ctx is that of the invocation.
func Call(ctx context.Context, t testing.TB, handle func(context.Context, api.Request) (api.Response, error), r api.Request) (api.Response, map[string]any) {
	t.Helper()
	resp, err := handle(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	return Check(t, r, resp)
}

// Check is Call for an answer that is there already.
func Check(t testing.TB, r api.Request, resp api.Response) (api.Response, map[string]any) {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(resp.Body), &body); err != nil {
		t.Fatalf("body %q: %v", resp.Body, err)
	}
	if err := openapi.Check(answer(r, resp)); err != nil {
		t.Error(err)
	}
	if resp.StatusCode >= http.StatusBadRequest && body["debug_id"] == nil {
		t.Errorf("only API Gateway answers an error without a debug_id: %d %s", resp.StatusCode, resp.Body)
	}
	return resp, body
}

// answer is a function's answer as a client gets it.
func answer(r api.Request, resp api.Response) client.Answer {
	method, path, _ := strings.Cut(r.RouteKey, " ")
	for name, value := range r.PathParameters {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	if len(r.QueryStringParameters) > 0 {
		query := url.Values{}
		for name, value := range r.QueryStringParameters {
			query.Set(name, value)
		}
		path += "?" + query.Encode()
	}
	a := client.Answer{Method: method, Path: path, Code: resp.StatusCode, Header: http.Header{}, Body: []byte(resp.Body)}
	a.Sent, _ = api.Body(r) // of a refused request it may be anything
	for name, value := range resp.Headers {
		a.Header.Set(name, value)
	}
	return a
}
