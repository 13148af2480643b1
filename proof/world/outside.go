package world

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"siesta/shared/job"
)

// Vanish makes E2B lose a job's sandbox.
func (s *System) Vanish(ctx context.Context, id string) error {
	j, err := s.Store.Get(ctx, id)
	if err != nil {
		return err
	}
	s.excuse(func(e *excused) { e.Lost[j.SandboxID] = true })
	return s.E2B.Vanish(ctx, j.SandboxID)
}

// WakeOutside connects to a job's sandbox as somebody does who knows nothing of
// Siesta.
func (s *System) WakeOutside(ctx context.Context, id string) error {
	j, err := s.Store.Get(ctx, id)
	if err != nil {
		return err
	}
	s.excuse(func(e *excused) { e.Woken[j.SandboxID] = true })
	return s.callE2B(ctx, "/sandboxes/"+j.SandboxID+"/connect", `{"timeout": 3600}`)
}

// CreateOutside makes a sandbox with our tags that belongs to no job.
func (s *System) CreateOutside(ctx context.Context) error {
	return s.callE2B(ctx, "/sandboxes", fmt.Sprintf(`{"templateID": "base", "timeout": 3600, "autoPause": true,
		"metadata": {%q: %q, %q: %q, %q: "1"}}`, job.TagStack, s.StackTag, job.TagJob, job.NewID(), job.TagCreate))
}

// TimeOut lets the time of every sandbox that runs be up: E2B puts it to sleep.
func (s *System) TimeOut(ctx context.Context) error {
	s.excuse(func(e *excused) { e.TimedOut = true })
	return s.E2B.Advance(ctx, time.Hour)
}

func (s *System) callE2B(ctx context.Context, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.E2BAPIURL+path, bytes.NewBufferString(body))
	if err != nil {
		return fmt.Errorf("call E2B: %w", err)
	}
	req.Header.Set("X-API-Key", s.E2BAPIKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("call E2B: %w", err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode >= 300 {
		return fmt.Errorf("call E2B: %s: %s", resp.Status, text)
	}
	return nil
}
