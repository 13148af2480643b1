package main

import (
	"context"
	"time"

	"siesta/shared/job"
	"siesta/shared/logs"
)

// archiveTime bounds how long a log may be on its way to its store: the end of a
// build, and a user, wait for it.
const archiveTime = 5 * time.Second

// keepLog keeps the log of a job that is about to end, so that a row which says so has
// it kept. A turn that comes after a crash does it again. No build waits, or fails, for
// want of it.
func (t *turn) keepLog(ctx context.Context) {
	if err := t.archive(ctx, t.j); err != nil {
		t.log.ErrorContext(ctx, "log is not kept", "error", err)
		t.say(ctx, "This log is here for a day: this service could not keep it for longer.")
	}
}

// keepEndedLog keeps the log of a job that somebody else has ended, such as its user:
// they have no log, so the next message about it does that. Of a job that was deleted
// while its turn kept the log, that goes again.
func (h *handler) keepEndedLog(ctx context.Context, j job.Job) {
	var err error
	switch {
	case j.Status != job.Failed || h.logStore == nil:
	case j.DeletedAt.IsZero():
		err = h.archive(ctx, j)
	default:
		ctx, cancel := context.WithTimeout(ctx, archiveTime)
		defer cancel()
		err = h.logStore.Delete(ctx, job.LogKey(j.UserID, j.ID))
	}
	if err != nil {
		h.log.ErrorContext(ctx, "log of an ended job", "error", err)
	}
}

func (h *handler) archive(ctx context.Context, j job.Job) error {
	if h.logStore == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, archiveTime)
	defer cancel()
	return logs.Keep(ctx, h.cache, h.logStore, j)
}
