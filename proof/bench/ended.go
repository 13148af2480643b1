package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"siesta/shared/job"
)

// ended sends a request and returns its job once that is over, how long that took, and
// when it began to give back what it had taken, if it did.
func (s *system) ended(ctx context.Context, r job.Request, want job.Status) (j job.Job, took time.Duration, failing time.Time, err error) {
	sent := time.Now()
	id, err := s.submit(ctx, r)
	if err != nil {
		return j, 0, failing, err
	}
	return s.over(ctx, id, sent, want)
}

// rebuilt builds a version again, and returns that job and how long it took.
func (s *system) rebuilt(ctx context.Context, from job.Job) (j job.Job, took time.Duration, err error) {
	r := statusEvent("bench", from.ID)
	r.RouteKey = "POST /api/generation/{job_id}/rebuild"
	event, err := json.Marshal(r)
	if err != nil {
		return j, 0, fmt.Errorf("encode event: %w", err)
	}
	sent := time.Now()
	result, err := s.Runtime.Invoke(ctx, "versions", event)
	if err != nil {
		return j, 0, err
	}
	var answer struct{ Body string }
	var accepted struct {
		JobID string `json:"job_id"`
	}
	if err := errors.Join(json.Unmarshal(result.Payload, &answer), json.Unmarshal([]byte(answer.Body), &accepted)); err != nil || accepted.JobID == "" {
		return j, 0, s.failed("the rebuild is answered %s", result.Payload)
	}
	j, took, _, err = s.over(ctx, accepted.JobID, sent, job.Ready)
	return j, took, err
}

// over is ended for a job that was sent.
func (s *system) over(ctx context.Context, id string, sent time.Time, want job.Status) (j job.Job, took time.Duration, failing time.Time, err error) {
	for {
		j, err = s.store.Get(ctx, id)
		switch {
		case err == nil && j.Status == want:
			return j, j.CompletedAt.Sub(sent), failing, nil
		case err == nil && j.Status.Terminal():
			return j, 0, failing, s.failed("the build is %s: %s", j.Status, j.ErrorMessage)
		case err == nil && !j.FailingAt.IsZero():
			failing = j.FailingAt
		case time.Since(sent) > patience:
			return j, 0, failing, s.failed("not over within %s: %v", patience, err)
		}
		if err := pause(ctx, lookEvery); err != nil {
			return j, 0, failing, err
		}
	}
}

// asleep waits until a job's sandbox sleeps.
func (s *system) asleep(ctx context.Context, j job.Job) (err error) {
	for deadline := time.Now().Add(patience); !j.SandboxPaused; {
		if j, err = s.store.Get(ctx, j.ID); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return s.failed("sandbox %s is still %s", j.SandboxID, j.SandboxState)
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
	return nil
}
