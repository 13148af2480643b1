package functiontest

import (
	"log/slog"
	"time"

	"siesta/shared/job"
	"siesta/shared/links"
	"siesta/shared/postgres"
	"siesta/shared/postgres/shares"
	"siesta/shared/secrets"
)

// Links opens the links of Stack, by the cache and the function's Postgres.
func (d *Database) Links(log *slog.Logger) links.Opener {
	return links.Opener{
		Log: log, Cache: d.Cache, Links: secrets.NewLinks(Sealer(d.T), Stack), DB: func() (*postgres.DB, error) { return d.DB, nil },
	}
}

// Link is the token of a link to j: to its project, or to it alone.
func (d *Database) Link(j job.Job, follow job.Follow) string {
	d.T.Helper()
	return d.Sign(d.to(j, follow))
}

// LinkWithLogs is that of a link to j alone, and to its log.
func (d *Database) LinkWithLogs(j job.Job) string {
	d.T.Helper()
	l := d.to(j, job.FollowJob)
	l.Logs = true
	return d.Sign(l)
}

func (d *Database) to(j job.Job, follow job.Follow) job.Link {
	d.T.Helper()
	s := d.Share(j.UserID, j.ProjectID)
	l := job.Link{Follow: follow, Share: s.ID, Number: s.Number, Ends: time.Now().Add(time.Hour)}
	if follow == job.FollowJob {
		l.JobID = j.ID
	}
	return l
}

// Share is that of a user's project.
func (d *Database) Share(user, project string) job.Share {
	d.T.Helper()
	s, err := shares.NewStore(d.DB).Make(d.T.Context(), user, project)
	d.OK(err)
	return s
}

// Sign is the token of any link.
func (d *Database) Sign(l job.Link) string {
	d.T.Helper()
	token, err := secrets.NewLinks(Sealer(d.T), Stack).Sign(d.T.Context(), l)
	d.OK(err)
	return token
}

// EndLinks ends all links to j's project, and tells the cache.
func (d *Database) EndLinks(j job.Job) job.Share {
	d.T.Helper()
	s, err := shares.NewStore(d.DB).End(d.T.Context(), j.UserID, j.ProjectID)
	d.OK(err)
	if d.Cache != nil {
		d.OK(d.Cache.EndShare(d.T.Context(), s))
	}
	return s
}
