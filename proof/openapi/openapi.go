// Package openapi holds real answers of the API to docs/openapi.yaml, and the
// requests that were accepted. It owns how the document is read; it knows no
// function.
package openapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"siesta/local/client"
)

var options = &openapi3filter.Options{
	IncludeResponseStatus:             true,
	RejectWhenRequestBodyNotSpecified: true,
	SkipSettingDefaults:               true,
	AuthenticationFunc:                openapi3filter.NoopAuthenticationFunc, // tokens are the gateway's matter
	SchemaValidationOptions: []openapi3.SchemaValidationOption{
		openapi3.WithStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC9562)),
		openapi3.WithStringFormatValidator("uri", openapi3.NewRegexpFormatValidator(`^https?://[^/]`)),
		openapi3.SetSchemaErrorMessageCustomizer(func(err *openapi3.SchemaError) string { return err.Reason }),
	},
}

// Check is an error unless the document describes an answer: its route, its
// status, its headers and each key of its body. What was sent must be as
// described too if it was accepted.
func Check(a client.Answer) error {
	router, err := load()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(context.Background(), a.Method, a.Path, bytes.NewReader(a.Sent))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.URL.Path = request.URL.EscapedPath() // API Gateway takes %2F for no slash
	route, parameters, err := router.FindRoute(request)
	if err != nil {
		return fmt.Errorf("docs/openapi.yaml: %s %s: %w", a.Method, a.Path, err)
	}
	sent := &openapi3filter.RequestValidationInput{Request: request, PathParams: parameters, Route: route, Options: options}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: sent, Status: a.Code, Header: a.Header, Options: options}
	err = openapi3filter.ValidateResponse(request.Context(), answer.SetBodyBytes(a.Body))
	if err == nil && a.Code < http.StatusMultipleChoices {
		err = openapi3filter.ValidateRequest(request.Context(), sent)
	}
	if err != nil {
		return fmt.Errorf("docs/openapi.yaml does not describe the answer %d %s: %w", a.Code, a.Body, err)
	}
	return nil
}
