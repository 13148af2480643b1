// Package links owns where a share link leads: from its token, by its share, to the
// version of the app that it shows. It looks in the cache, then in Postgres, as
// package lookup does. It knows neither what a visitor is shown nor what wakes.
package links

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siesta/shared/job"
	"siesta/shared/lookup"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/postgres/shares"
	"siesta/shared/redis"
	"siesta/shared/secrets"
)

// Opener opens the links of a stack.
type Opener struct {
	Log   *slog.Logger
	Cache *redis.Cache
	Links *secrets.Links
	DB    func() (*postgres.DB, error) // asked for where the cache does not do
}

// Target is what a link leads to.
type Target struct {
	Link  job.Link
	Share job.Share
	Job   job.Job // of the cache, as a rule
}

// Open finds what a token leads to. job.ErrNoLink: the token is none. job.ErrLinkEnded:
// its time is over, its owner has ended it, or nothing is left of what it led to.
func (o Opener) Open(ctx context.Context, token string) (Target, error) {
	link, err := o.Links.Open(ctx, token)
	if err != nil {
		return Target{}, err
	}
	share, err := o.share(ctx, link.Share)
	if err == nil {
		err = link.Check(share, time.Now())
	}
	if err != nil {
		return Target{}, OrEnded(err)
	}
	j, err := o.version(ctx, link, share)
	if err != nil {
		return Target{}, OrEnded(err)
	}
	return Target{link, share, j}, nil
}

// OrEnded is err for who has a right token: that what it led to is gone, or another's,
// is job.ErrLinkEnded, and no more is told.
func OrEnded(err error) error {
	if errors.Is(err, job.ErrNotFound) || errors.Is(err, job.ErrForeign) {
		return fmt.Errorf("%w: %v", job.ErrLinkEnded, err) // it matches that alone
	}
	return err
}

func (o Opener) share(ctx context.Context, id string) (job.Share, error) {
	s, ok, cacheErr := o.Cache.Share(ctx, id)
	if ok {
		return s, nil
	}
	if cacheErr != nil {
		o.Log.WarnContext(ctx, "cache not read", "share_id", id, "error", cacheErr.Error())
	}
	db, err := o.DB()
	if err != nil {
		return job.Share{}, err
	}
	if s, err = shares.NewStore(db).Get(ctx, id); err != nil || cacheErr != nil {
		return s, err
	}
	if err := o.Cache.PutShare(ctx, s); err != nil {
		o.Log.WarnContext(ctx, "cache is behind", "share_id", id, "error", err)
	}
	return s, nil
}

// version is the job that a link shows: the one that it names, or else the version of
// the project that counts, or while there is none, the newest.
func (o Opener) version(ctx context.Context, link job.Link, s job.Share) (job.Job, error) {
	known := lookup.Jobs{Log: o.Log, Cache: o.Cache, Store: o.jobs}
	var j job.Job
	var err error
	if link.Follow == job.FollowJob {
		j, err = known.Find(ctx, link.JobID)
	} else if j, err = known.Current(ctx, s.UserID, s.ProjectID); errors.Is(err, job.ErrNotFound) {
		j, err = o.newest(ctx, s)
	}
	if err != nil {
		return job.Job{}, err
	}
	return j, j.CheckOwner(s.UserID)
}

func (o Opener) newest(ctx context.Context, s job.Share) (job.Job, error) {
	store, err := o.jobs()
	if err != nil {
		return job.Job{}, err
	}
	versions, err := store.Versions(ctx, s.UserID, s.ProjectID, jobs.Page{}, 1)
	if err != nil {
		return job.Job{}, err
	}
	if len(versions) == 0 {
		return job.Job{}, job.ErrNotFound
	}
	return versions[0], nil
}

// jobs are only read here: of whose stack they are, and who hears of writes, is all one.
func (o Opener) jobs() (*jobs.Store, error) {
	db, err := o.DB()
	return jobs.NewStore(db, "", nil), err
}
