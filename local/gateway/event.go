package gateway

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// event is a request in payload format 2.0.
func event(r *http.Request, route Route, parameters map[string]string, who *identity, body []byte, id string) events.APIGatewayV2HTTPRequest {
	key := route.Method + " " + route.Path
	now := time.Now().UTC()
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, "80"
	}
	headers := map[string]string{"host": r.Host, "x-forwarded-for": ip, "x-forwarded-port": port, "x-forwarded-proto": "http"}
	for name, values := range r.Header {
		if name != "Cookie" {
			headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: key, RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery,
		Cookies: cookies(r.Header), Headers: headers, QueryStringParameters: query(r.URL), PathParameters: parameters,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: key, AccountID: "000000000000", APIID: "local", Stage: "$default", RequestID: id,
			DomainName: host, DomainPrefix: strings.Split(host, ".")[0],
			Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: ip, UserAgent: r.UserAgent(),
			},
		},
	}
	if who != nil {
		e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: who.claims, Scopes: who.scopes},
		}
	}
	if isText(r.Header) && utf8.Valid(body) {
		e.Body = string(body)
	} else {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), len(body) > 0
	}
	return e
}

// isText reports whether API Gateway hands a body on as it is: forms and
// compressed bodies are among those that it encodes.
func isText(h http.Header) bool {
	if h.Get("Content-Encoding") != "" {
		return false
	}
	kind, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	kind = textproto.TrimString(kind)
	switch kind {
	case "", "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}

func cookies(h http.Header) (out []string) {
	for _, line := range h["Cookie"] {
		for _, one := range strings.Split(line, ";") {
			if one = strings.TrimSpace(one); one != "" {
				out = append(out, one)
			}
		}
	}
	return out
}

// query joins values of one name with commas.
func query(u *url.URL) map[string]string {
	out := map[string]string{}
	for name, values := range u.Query() {
		out[name] = strings.Join(values, ",")
	}
	return out
}
