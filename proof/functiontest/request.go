package functiontest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"siesta/shared/api"
)

// Gateway is the request id of every call.
const Gateway = "gateway-1"

// JobRequest is a user's call about a job; "" is a call without a token.
func JobRequest(user, id string) api.Request {
	r := api.Request{PathParameters: map[string]string{"job_id": id}}
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

// Call is a function's answer, whose body is a JSON object. ctx is that of the
// invocation.
func Call(ctx context.Context, t testing.TB, handle func(context.Context, api.Request) (api.Response, error), r api.Request) (api.Response, map[string]any) {
	t.Helper()
	resp, err := handle(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(resp.Body), &body); err != nil {
		t.Fatalf("body %q: %v", resp.Body, err)
	}
	return resp, body
}
