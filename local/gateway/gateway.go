// Package gateway is an API Gateway HTTP API on this machine: routes, JWT
// authorizer, CORS, payload format 2.0 and the answers that the real one gives,
// and a development issuer of tokens.
//
// It owns the translation between HTTP and events. It knows neither what a route
// means nor how a function runs.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Invoke calls a function. A function that failed has a functionError; err is
// for a call that did not take place.
type Invoke func(ctx context.Context, function string, payload []byte) (response []byte, functionError string, err error)

// Limits of API Gateway and Lambda (their quota pages).
const (
	maxBody     = 10 << 20
	maxPayload  = 6291556
	integration = 30 * time.Second
)

// Gateway answers HTTP. Its fields are set before its first request.
type Gateway struct {
	API        API
	Invoke     Invoke
	Authorizer *Authorizer   // nil: every route that is not open answers 401
	Timeout    time.Duration // of a function; default and most 30 s
	Report     func(error)   // told why an answer is a 5xx; nil drops it
}

// ErrIntegration: a function failed, or what it returned is no HTTP answer.
var ErrIntegration = errors.New("integration failed")

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID()
	w.Header().Set("Apigw-Requestid", id)
	if g.API.CORS.answer(w, r) {
		return
	}
	route, parameters, ok := match(g.API.Routes, r.Method, r.URL.EscapedPath())
	if !ok {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	var who *identity
	if !route.Open {
		identity, denial := g.Authorizer.check(r.Header.Get("Authorization"), route.Scopes)
		if denial != nil {
			denial.write(w)
			return
		}
		who = identity
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "Bad Request")
		return
	}
	payload, err := json.Marshal(event(r, route, parameters, who, body, id))
	if err != nil {
		g.fail(w, http.StatusInternalServerError, fmt.Errorf("encode event for %s: %w", route.Function, err))
		return
	}
	if len(payload) > maxPayload {
		refuse(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	g.integrate(w, r, route, payload)
}

func (g *Gateway) integrate(w http.ResponseWriter, r *http.Request, route Route, payload []byte) {
	limit := g.Timeout
	if limit == 0 {
		limit = integration
	}
	// The function goes on when the client hangs up, as behind the real one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), limit)
	defer cancel()
	response, functionError, err := g.Invoke(ctx, route.Function, payload)
	switch {
	case err != nil:
		g.fail(w, http.StatusServiceUnavailable, fmt.Errorf("invoke %s: %w", route.Function, err))
		return
	case functionError != "":
		g.fail(w, http.StatusInternalServerError, fmt.Errorf("%w: %s: %s: %s", ErrIntegration, route.Function, functionError, response))
		return
	}
	answer, err := parse(response)
	if err != nil {
		g.fail(w, http.StatusInternalServerError, fmt.Errorf("%w: answer of %s: %w", ErrIntegration, route.Function, err))
		return
	}
	answer.write(w, g.API.CORS != nil)
}

func (g *Gateway) fail(w http.ResponseWriter, status int, err error) {
	if g.Report != nil {
		g.Report(err)
	}
	refuse(w, status, http.StatusText(status))
}

// refuse is an answer of the gateway's own.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func requestID() string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // never fails, by crypto/rand's contract
	return base64.URLEncoding.EncodeToString(b[:])
}
