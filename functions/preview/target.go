package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siesta/shared/job"
	"siesta/shared/lookup"
	"siesta/shared/postgres/jobs"
)

// target is what a link leads to.
type target struct {
	link  job.Link
	share job.Share
	job   job.Job // of the cache, as a rule
}

// open finds what a token leads to, in the cache where that knows it. job.ErrNoLink:
// the token is none. job.ErrLinkEnded: its time is over, its owner has ended it, or
// nothing is left of what it led to.
func (h handler) open(ctx context.Context, token string) (target, error) {
	link, err := h.links.Open(ctx, token)
	if err != nil {
		return target{}, err
	}
	share, err := h.share(ctx, link.Share)
	if err == nil {
		err = link.Check(share, time.Now())
	}
	if err != nil {
		return target{}, orEnded(err)
	}
	j, err := h.version(ctx, link, share)
	if err != nil {
		return target{}, orEnded(err)
	}
	return target{link, share, j}, nil
}

// orEnded: whose token is right is told no more than that what it led to is gone.
func orEnded(err error) error {
	if errors.Is(err, job.ErrNotFound) || errors.Is(err, job.ErrForeign) {
		return fmt.Errorf("%w: %v", job.ErrLinkEnded, err) // it matches that alone
	}
	return err
}

func (h handler) share(ctx context.Context, id string) (job.Share, error) {
	s, ok, cacheErr := h.waker.Cache.Share(ctx, id)
	if ok {
		return s, nil
	}
	if cacheErr != nil {
		h.log.WarnContext(ctx, "cache not read", "share_id", id, "error", cacheErr.Error())
	}
	s, err := h.shares.Get(ctx, id)
	if err != nil || cacheErr != nil {
		return s, err
	}
	if err := h.waker.Cache.PutShare(ctx, s); err != nil {
		h.log.WarnContext(ctx, "cache is behind", "share_id", id, "error", err)
	}
	return s, nil
}

// version is the job that a link shows: the one that it names, or else the version of
// the project that counts, or while there is none, the newest.
func (h handler) version(ctx context.Context, link job.Link, s job.Share) (job.Job, error) {
	known := lookup.Jobs{Log: h.log, Cache: h.waker.Cache, Store: func() (*jobs.Store, error) { return h.waker.Store, nil }}
	var j job.Job
	var err error
	if link.Follow == job.FollowJob {
		j, err = known.Find(ctx, link.JobID)
	} else if j, err = known.Current(ctx, s.UserID, s.ProjectID); errors.Is(err, job.ErrNotFound) {
		j, err = h.newest(ctx, s)
	}
	if err != nil {
		return job.Job{}, err
	}
	if j.CreatedAt.IsZero() && j.SandboxState == job.SandboxPaused { // the page tells
		j.CreatedAt, _ = h.waker.Cache.Created(ctx, j.ID) // or does not, where nobody knows
	}
	return j, j.CheckOwner(s.UserID)
}

func (h handler) newest(ctx context.Context, s job.Share) (job.Job, error) {
	versions, err := h.waker.Store.Versions(ctx, s.UserID, s.ProjectID, jobs.Page{}, 1)
	if err != nil {
		return job.Job{}, err
	}
	if len(versions) == 0 {
		return job.Job{}, job.ErrNotFound
	}
	return versions[0], nil
}
