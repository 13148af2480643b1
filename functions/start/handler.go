package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/postgres/jobs"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

type handler struct {
	log       *slog.Logger
	store     *jobs.Store
	builds    *sqs.Queue
	sealer    *secrets.Sealer
	allowed   job.Allowed
	tierClaim string // the token's claim that names the tier; "" for none
	limits    job.TierLimits
	unknown   *sync.Map     // tiers that LIMITS does not know and that were told of
	deadline  time.Duration // a job that takes longer fails
}

// response is the body of the answer.
type response struct {
	JobID        string     `json:"job_id"`
	Status       job.Status `json:"status"`
	BuildVersion string     `json:"build_version"` // that the job will have
}

// serve answers POST /api/generation/start. Once the row is committed the job
// is accepted, whatever happens to the cache and the message: reconcile sees to
// both within two minutes.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	n, err := h.read(ctx, r)
	if err != nil {
		return api.Answer{}, err
	}
	if err := h.checkPrevious(ctx, n); err != nil {
		return api.Answer{}, err
	}
	j, created, err := h.store.Accept(ctx, n)
	if err != nil {
		return api.Answer{}, err
	}
	ctx = logging.With(sqs.WithCorrelation(ctx, r.RequestContext.RequestID), "job_id", j.ID)
	h.log.InfoContext(ctx, "job accepted", "created", created, "status", j.Status, "tier", j.Tier)
	answer := response{JobID: j.ID, Status: job.Queued, BuildVersion: j.BuildVersion}
	switch {
	case j.Status == job.Scheduled:
		answer.Status = job.Scheduled
	case j.Status == job.Queued && j.Turn == 0: // also when the call is repeated: the first one may have got no further
		if err := h.builds.SendBuild(ctx, sqs.BuildMessage{JobID: j.ID, Group: j.UserID}, 0); err != nil {
			h.log.WarnContext(ctx, "build message not sent", "error", err)
		}
	}
	return api.Answer{Status: http.StatusCreated, Body: answer}, nil
}

// read makes a job of the request, or says what is wrong with it.
func (h handler) read(ctx context.Context, r api.Request) (jobs.NewJob, error) {
	user, err := api.UserID(r)
	if err != nil {
		return jobs.NewJob{}, err
	}
	key, err := api.IdempotencyKey(r)
	if err != nil {
		return jobs.NewJob{}, err
	}
	body, err := api.Body(r)
	if err != nil {
		return jobs.NewJob{}, err
	}
	request, err := job.ParseRequest(body, user, h.allowed)
	if err != nil {
		return jobs.NewJob{}, err
	}
	id := job.NewID()
	sealed, err := h.sealer.Seal(ctx, id, request.Env)
	if err != nil {
		return jobs.NewJob{}, err
	}
	tier, hash := h.tier(ctx, r), sha256.Sum256(body)
	limits := h.limits.For(tier)
	return jobs.NewJob{
		ID: id, UserID: user, Tier: tier, Request: request, EnvSealed: sealed,
		IdempotencyKey: key, RequestHash: hash[:], Deadline: h.deadline, PerDay: limits.PerDay, Waiting: limits.Waiting,
	}, nil
}

// tier is the caller's. One that LIMITS does not know is told of once: a
// misspelt tier would else be seen by its users alone.
func (h handler) tier(ctx context.Context, r api.Request) job.Tier {
	tier, known := h.limits.First(api.Tiers(r, h.tierClaim))
	if !known {
		if _, told := h.unknown.LoadOrStore(tier, true); !told {
			h.log.WarnContext(ctx, "LIMITS does not know this tier, which has the limits of bootstrapper", "tier", tier, "claim", h.tierClaim)
		}
	}
	return tier
}

// checkPrevious refuses iterations, which are not built yet, and tells a caller
// whose previous job is not there just that.
func (h handler) checkPrevious(ctx context.Context, n jobs.NewJob) error {
	id := n.Request.PreviousJobID
	if id == "" {
		return nil
	}
	j, err := h.store.Get(ctx, id)
	switch {
	case errors.Is(err, job.ErrNotFound):
		return job.ErrPrevious
	case err != nil:
		return err
	case j.CheckOwner(n.UserID) != nil || j.ProjectID != n.Request.ProjectID:
		return job.ErrPrevious
	default:
		return &job.InvalidError{Field: "previous_job_id", Reason: "is not supported yet: leave it out, and send the whole source"}
	}
}
