// Package client calls the HTTP API of docs/openapi.yaml, as a backend or a
// browser does. It owns the paths, the headers and the shape of answers. It
// judges no answer: whatever its status, an answer that arrived is a value, and
// an error means that none did.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"siesta/shared/job"
)

// Client is somebody with a token. Its copies may be used at the same time.
type Client struct {
	URL   string // of the API, without a path
	Token string
	HTTP  *http.Client // nil: one that waits a little longer than the gateway

	// Check, if set, is told of every answer that arrived. Its error becomes the
	// call's.
	Check func(Answer) error
}

// ErrNoJSON: what answered is not the API, whose every answer is JSON or empty. The
// answer is there beside the error.
var ErrNoJSON = errors.New("no JSON")

var patient = &http.Client{Timeout: 45 * time.Second} // the gateway gives up after 30 s

// Start asks for a job. A key, unless it is empty, makes the call safe to
// repeat.
func (c Client) Start(ctx context.Context, r job.Request, key string) (Answer, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Answer{}, fmt.Errorf("encode request: %w", err)
	}
	return c.StartRaw(ctx, body, key)
}

// StartRaw is Start with a body that need be no request.
func (c Client) StartRaw(ctx context.Context, body []byte, key string) (Answer, error) {
	header := http.Header{}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	return c.Call(ctx, http.MethodPost, "/api/generation/start", body, header)
}

// Status asks how a job is.
func (c Client) Status(ctx context.Context, id string) (Answer, error) {
	return c.Call(ctx, http.MethodGet, "/api/generation/"+id+"/status", nil, nil)
}

// Verb is what a user may do with a job that there is.
type Verb string

const (
	Resume   Verb = "resume"   // wake its preview
	Snapshot Verb = "snapshot" // put its preview to sleep
	Cancel   Verb = "cancel"
)

// Verbs are all of them.
var Verbs = []Verb{Resume, Snapshot, Cancel}

// Do does one of them.
func (c Client) Do(ctx context.Context, id string, verb Verb) (Answer, error) {
	return c.Call(ctx, http.MethodPost, "/api/generation/"+id+"/"+string(verb), nil, nil)
}

// Call makes any call; header may be nil, and wins over what every call has.
func (c Client) Call(ctx context.Context, method, path string, body []byte, header http.Header) (Answer, error) {
	a, err := c.send(ctx, method, path, body, header)
	if err == nil && c.Check != nil {
		err = c.Check(a)
	}
	if err != nil {
		return a, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return a, nil
}

func (c Client) send(ctx context.Context, method, path string, body []byte, header http.Header) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Content-Type", "application/json")
	for name, values := range header {
		req.Header[name] = values
	}
	client := c.HTTP
	if client == nil {
		client = patient
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	a := Answer{Method: method, Path: path, Sent: body, Code: resp.StatusCode, Header: resp.Header, Body: text, Took: time.Since(began)}
	if err != nil {
		return a, err
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	a.RetryAfter = time.Duration(seconds) * time.Second
	if len(text) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(text, &a.Told); err != nil {
		return a, fmt.Errorf("%s, %w: %w: %s", resp.Status, ErrNoJSON, err, text)
	}
	return a, nil
}
