package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// response is a function's answer, in payload format 2.0.
type response struct {
	status  int
	headers map[string]string
	cookies []string
	body    []byte
}

// parse reads a function's answer. JSON without a statusCode is the body of a
// 200. (API Gateway developer guide, "Lambda function response for format 2.0".)
func parse(payload []byte) (response, error) {
	if !json.Valid(payload) {
		return response{}, errors.New("it is no JSON")
	}
	var told struct {
		StatusCode      json.RawMessage
		Headers         map[string]any
		Cookies         []string
		Body            *string
		IsBase64Encoded bool
	}
	// An object of another shape is a body too, unless it claims a status.
	err := json.Unmarshal(payload, &told)
	if told.StatusCode == nil {
		var text string
		if json.Unmarshal(payload, &text) == nil && payload[0] == '"' {
			payload = []byte(text)
		}
		return response{status: http.StatusOK, headers: map[string]string{"content-type": "application/json"}, body: payload}, nil
	}
	if err != nil {
		return response{}, fmt.Errorf("decode: %w", err)
	}
	status, err := strconv.Atoi(strings.Trim(string(told.StatusCode), `"`))
	if err != nil || status < 200 || status > 599 {
		return response{}, errors.New("its statusCode is no HTTP status")
	}
	out := response{status: status, headers: map[string]string{"content-type": "text/plain;charset=UTF-8"}, cookies: told.Cookies}
	for name, value := range told.Headers {
		out.headers[strings.ToLower(name)] = fmt.Sprint(value)
	}
	if told.Body != nil {
		out.body = []byte(*told.Body)
	}
	if told.IsBase64Encoded {
		if out.body, err = base64.StdEncoding.DecodeString(string(out.body)); err != nil {
			return response{}, fmt.Errorf("decode body: %w", err)
		}
	}
	return out, nil
}

// write sends the answer. Where the gateway has CORS of its own, the function's
// CORS headers are dropped.
func (a response) write(w http.ResponseWriter, cors bool) {
	for name, value := range a.headers {
		switch {
		case cors && strings.HasPrefix(name, "access-control-"):
		case name == "content-length" || name == "connection" || name == "transfer-encoding": // the server's own affair
		default:
			w.Header().Set(name, value)
		}
	}
	for _, cookie := range a.cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}
