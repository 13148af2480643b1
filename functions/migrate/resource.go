package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-lambda-go/cfn"
)

const (
	// physicalID never changes: with another one CloudFormation would delete
	// the old resource after each update.
	physicalID = "siesta-migrations"
	// maxReason keeps the answer below CloudFormation's 4 KB.
	maxReason = 1000
	sendTries = 3
)

// resource serves a CloudFormation custom resource. What it has to say goes to
// CloudFormation; the error says that it did not get there, and makes Lambda
// invoke the function again.
func (h handler) resource(ctx context.Context, event cfn.Event) (report, error) {
	answer := cfn.NewResponse(&event)
	answer.Status = cfn.StatusSuccess
	answer.PhysicalResourceID = event.PhysicalResourceID
	if answer.PhysicalResourceID == "" {
		answer.PhysicalResourceID = physicalID
	}
	var r report
	if event.RequestType != cfn.RequestDelete { // the data outlives the stack
		var err error
		if r, err = inTime(ctx, h.migrator.up); err != nil {
			answer.Status, answer.Reason = cfn.StatusFailed, shorten(err.Error())
			h.migrator.log.ErrorContext(ctx, "migration failed", "error", err)
		} else {
			answer.Data = map[string]any{"Version": r.Version}
		}
	}
	return r, h.send(ctx, event.ResponseURL, answer)
}

// send tries more than once: an answer that is lost blocks the stack until
// CloudFormation's own time-out.
func (h handler) send(ctx context.Context, address string, answer *cfn.Response) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	for range sendTries {
		if err = h.put(ctx, address, body); err == nil {
			return nil
		}
	}
	return fmt.Errorf("answer CloudFormation: %w", err)
}

func (h handler) put(ctx context.Context, address string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("malformed ResponseURL") // the cause quotes it, and it is signed
	}
	resp, err := h.client.Do(req)
	if err != nil {
		var quoting *url.Error
		if errors.As(err, &quoting) {
			err = quoting.Err
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func shorten(s string) string {
	if len(s) > maxReason {
		return s[:maxReason] + "..."
	}
	return s
}
