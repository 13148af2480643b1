package main

import (
	"context"
	"errors"
	"net/http"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
	"siesta/shared/sqs"
)

type rebuildResponse struct {
	JobID        string     `json:"job_id"`
	Status       job.Status `json:"status"`
	BuildVersion string     `json:"build_version"`
	BaseJobID    string     `json:"base_job_id"`
}

type restoreResponse struct {
	JobID        string `json:"job_id"`
	BuildVersion string `json:"build_version"`
	Current      bool   `json:"current"`
}

// restore makes an earlier version the one that counts. One that has no sandbox
// any more is built again, and counts when it is READY.
func (h handler) restore(ctx context.Context, r api.Request) (api.Answer, error) {
	base, err := h.owned(ctx, r)
	switch {
	case err != nil:
		return api.Answer{}, err
	case base.Status != job.Ready:
		return api.Answer{}, job.ErrNotReady
	}
	j, err := h.store.Restore(ctx, base.ID)
	if errors.Is(err, job.ErrConflict) {
		return h.again(ctx, r, base)
	}
	if err != nil {
		return api.Answer{}, err
	}
	return api.Answer{Status: http.StatusOK, Body: restoreResponse{JobID: j.ID, BuildVersion: j.BuildVersion, Current: true}}, nil
}

// rebuild builds a version again from its kept code, in a sandbox of its own.
func (h handler) rebuild(ctx context.Context, r api.Request) (api.Answer, error) {
	base, err := h.owned(ctx, r)
	if err != nil {
		return api.Answer{}, err
	}
	if base.Status != job.Ready {
		return api.Answer{}, job.ErrNotReady
	}
	return h.again(ctx, r, base)
}

// again accepts a rebuild: 201, or 200 with the one that is under way.
func (h handler) again(ctx context.Context, r api.Request, base job.Job) (api.Answer, error) {
	if !base.Kept() || h.kept == nil {
		return api.Answer{}, job.ErrNotKept
	}
	n, err := h.copy(ctx, r, base)
	if err != nil {
		return api.Answer{}, err
	}
	j, created, err := h.store.Accept(ctx, n)
	if err != nil {
		return api.Answer{}, err
	}
	ctx = logging.With(sqs.WithCorrelation(ctx, r.RequestContext.RequestID), "job_id", j.ID)
	if created {
		metrics.Count(ctx, metrics.JobsAccepted, 1)
	}
	h.log.InfoContext(ctx, "rebuild accepted", "created", created, "status", j.Status, "base_job_id", base.ID)
	if j.Status == job.Queued && j.Turn == 0 { // also when it was there: whoever accepted it may have got no further
		if err := h.builds.SendBuild(ctx, sqs.Turn(j), 0); err != nil {
			h.log.WarnContext(ctx, "build message not sent", "error", err)
		}
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return api.Answer{Status: status, Body: rebuildResponse{JobID: j.ID, Status: j.Status, BuildVersion: j.BuildVersion, BaseJobID: base.ID}}, nil
}

// copy is a job that asks for what its base did, without changes: what the
// generator wrote is in the kept code.
func (h handler) copy(ctx context.Context, r api.Request, base job.Job) (jobs.NewJob, error) {
	request, err := h.store.Request(ctx, base.ID)
	if err != nil {
		return jobs.NewJob{}, err
	}
	request.Commands.Generate, request.PreviousJobID, request.Source = nil, "", job.Source{}
	env, err := h.sealer.Open(ctx, base.ID, base.EnvSealed)
	if err != nil {
		return jobs.NewJob{}, err
	}
	id := job.NewID()
	sealed, err := h.sealer.Seal(ctx, id, env)
	if err != nil {
		return jobs.NewJob{}, err
	}
	tier, _ := h.Limits.First(api.Tiers(r, h.TierClaim))
	limits := h.Limits.For(tier)
	return jobs.NewJob{
		ID: id, UserID: base.UserID, Tier: tier, Request: request, EnvSealed: sealed, BaseJobID: base.ID, Rebuild: true,
		Deadline: h.Deadline, PerDay: limits.PerDay, Waiting: limits.Waiting,
	}, nil
}
