// Package previous owns what a request takes over from the version that it starts
// from, whether it came by HTTP or by message. It knows nothing of how the job then
// gets its sandbox.
package previous

import (
	"context"
	"errors"

	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/secrets"
)

// Apply gives a job, whose request may name a previous one, what it inherits, and
// seals its environment. Errors, beside those of the store: job.ErrPrevious (there is
// none such of this user and project), job.ErrPreviousBuilds, job.ErrPreviousFailed,
// job.ErrNotKept (nothing is left to start from), a *job.MovedError.
func Apply(ctx context.Context, store *jobs.Store, sealer *secrets.Sealer, n *jobs.NewJob) error {
	env := n.Request.Env
	if id := n.Request.PreviousJobID; id != "" {
		from, err := find(ctx, store, n, id)
		if err != nil {
			return err
		}
		request, err := store.Request(ctx, id)
		if err != nil {
			return err
		}
		n.BaseJobID = id
		n.Request.Inherit(request)
		if len(env) == 0 {
			if env, err = sealer.Open(ctx, id, from.EnvSealed); err != nil {
				return err
			}
		}
	}
	var err error
	n.EnvSealed, err = sealer.Seal(ctx, n.ID, env)
	return err
}

// find is the version, if a job may start from it.
func find(ctx context.Context, store *jobs.Store, n *jobs.NewJob, id string) (job.Job, error) {
	from, err := store.GetOwned(ctx, id, n.UserID)
	has := from.SandboxState != job.SandboxNone && from.SandboxState != job.SandboxGone && !n.Request.KeepPrevious
	switch {
	case errors.Is(err, job.ErrNotFound), errors.Is(err, job.ErrForeign):
		return from, job.ErrPrevious
	case err != nil:
		return from, err
	case from.ProjectID != n.Request.ProjectID:
		return from, job.ErrPrevious
	case from.Status == job.Failed:
		return from, job.ErrPreviousFailed
	case from.Status != job.Ready:
		return from, job.ErrPreviousBuilds
	case !has && !from.Kept():
		return from, job.ErrNotKept
	case has && from.SandboxState == job.SandboxMoved:
		to, err := store.Get(ctx, from.MovedTo)
		if err != nil {
			return from, err
		}
		return from, job.MovedTo(to)
	}
	return from, nil
}
