// Package previous owns what a request takes over from the version that it starts
// from, whether it came by HTTP or by message. It knows nothing of how the job then
// gets its sandbox.
package previous

import (
	"context"
	"errors"

	"siesta/shared/job"
)

// Rows are the jobs as their table tells.
type Rows interface {
	GetOwned(ctx context.Context, id, user string) (job.Job, error)
	Request(ctx context.Context, id string) (job.Request, error)
	WhereTo(ctx context.Context, j job.Job) error
}

// Sealer seals environments, each for one job.
type Sealer interface {
	Open(ctx context.Context, jobID string, sealed []byte) (map[string]string, error)
	Seal(ctx context.Context, jobID string, env map[string]string) ([]byte, error)
}

// Apply gives the request of a user's job what it inherits from the version that it
// names, if it names one, and returns its environment, sealed for the job. Errors,
// beside those of rows and sealer: job.ErrPrevious (there is none such of this user
// and project), job.ErrPreviousBuilds, job.ErrPreviousFailed, job.ErrNotKept (nothing
// is left to start from), a *job.MovedError.
func Apply(ctx context.Context, rows Rows, sealer Sealer, user, jobID string, r *job.Request) ([]byte, error) {
	env := r.Env
	if r.PreviousJobID != "" {
		from, err := find(ctx, rows, user, *r)
		if err != nil {
			return nil, err
		}
		request, err := rows.Request(ctx, from.ID)
		if err != nil {
			return nil, err
		}
		r.Inherit(request)
		if len(env) == 0 {
			if env, err = sealer.Open(ctx, from.ID, from.EnvSealed); err != nil {
				return nil, err
			}
		}
	}
	return sealer.Seal(ctx, jobID, env)
}

// find is the version, if the request may start from it.
func find(ctx context.Context, rows Rows, user string, r job.Request) (job.Job, error) {
	from, err := rows.GetOwned(ctx, r.PreviousJobID, user)
	has := from.SandboxState != job.SandboxNone && from.SandboxState != job.SandboxGone && !r.KeepPrevious
	switch {
	case errors.Is(err, job.ErrNotFound), errors.Is(err, job.ErrForeign):
		return from, job.ErrPrevious
	case err != nil:
		return from, err
	case from.ProjectID != r.ProjectID:
		return from, job.ErrPrevious
	case from.Status == job.Failed:
		return from, job.ErrPreviousFailed
	case from.Status != job.Ready:
		return from, job.ErrPreviousBuilds
	case !has && !from.Kept():
		return from, job.ErrNotKept
	case has && from.SandboxState == job.SandboxMoved:
		return from, rows.WhereTo(ctx, from)
	}
	return from, nil
}
