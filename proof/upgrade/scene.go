package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"siesta/proof/world"
	"siesta/shared/job"
)

// interrupted is the Judge under which the next builders that write something die,
// one for each write: before it is sent, or when it is done.
type interrupted struct {
	mu     sync.Mutex
	writes map[string]world.Fate // by how the statement begins
}

// Admit is a Judge's.
func (i *interrupted) Admit(c world.Call) world.Fate {
	if c.Function != "build" || c.Part != "postgres" {
		return world.Pass
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for write, fate := range i.writes {
		if strings.Contains(c.Text, write) {
			delete(i.writes, write)
			return fate
		}
	}
	return world.Pass
}

// Answered is a Judge's.
func (i *interrupted) Answered(world.Call) {}

// The statements of an iteration between which a builder may die.
const (
	keeps = "UPDATE jobs SET kept_hash"
	fails = "UPDATE jobs SET failing"
)

// places are where an iteration may be when its service is changed back.
type places struct {
	queued  []row // it has no sandbox yet
	taken   []row // it has the version's, and has changed nothing
	changes []row
	goes    []row // it gives back
	given   []row // it failed, and the version has its sandbox again
	ready   []row
}

func placesOf(rows map[string]row) (p places) {
	for _, r := range rows {
		switch from, known := rows[r.BaseJobID]; {
		case !known || !r.DeletedAt.IsZero():
		case r.Status == job.Queued:
			p.queued = append(p.queued, r)
		case r.TakenFrom == "":
		case r.Status == job.Ready && r.has() && from.DeletedAt.IsZero() && from.SandboxState == job.SandboxMoved:
			p.ready = append(p.ready, r)
		case r.Status == job.Failed && r.SandboxState == job.SandboxMoved && from.has():
			p.given = append(p.given, r)
		case r.Status.Terminal():
		case r.Failing != "":
			p.goes = append(p.goes, r)
		case r.KeptHash != "":
			p.changes = append(p.changes, r)
		default:
			p.taken = append(p.taken, r)
		}
	}
	return p
}

func (p places) all() bool {
	return len(p.queued) > 0 && len(p.taken) > 0 && len(p.changes) > 1 && len(p.goes) > 0 && len(p.given) > 0 && len(p.ready) > 0
}

var errNoScene = errors.New("no iteration is where it should be")

// compose brings iterations to all places at once, and then calls f, while nothing
// runs.
func (h *history) compose(ctx context.Context, f func(places) error) error {
	u, owner := h.users, h.users.user("somebody else")
	var bases []*made
	for range 8 {
		bases = append(bases, u.start(ctx, owner, job.NewID()))
	}
	if err := h.until(ctx, func(rows map[string]row) bool {
		for _, m := range bases {
			if rows[m.id].Status != job.Ready {
				return false
			}
		}
		return true
	}); err != nil {
		return err
	}
	u.iterate(false)
	h.act(func() {
		u.change(ctx, bases[0], false, "")
		u.change(ctx, bases[1], true, "")
	})
	if err := h.until(ctx, func(rows map[string]row) bool {
		p := placesOf(rows)
		return len(p.ready) > 0 && len(p.given) > 0 && len(p.taken)+len(p.changes)+len(p.goes) == 0
	}); err != nil {
		return err
	}
	h.hold(true)
	defer h.hold(false)
	// A process names a statement once, and then by a number.
	if err := h.alone(func() error { h.Runtime.Recycle("build"); return nil }); err != nil {
		return err
	}
	h.Judge(&interrupted{writes: map[string]world.Fate{keeps: world.Before, fails: world.After}})
	defer h.Judge(nil)
	h.act(func() {
		u.change(ctx, bases[2], true, "")
		u.change(ctx, bases[3], true, "true")
		for _, m := range bases[4:7] { // one of them may be the one whose builder dies
			u.change(ctx, m, false, "sleep 25")
		}
	})
	var found places
	if err := h.until(ctx, func(rows map[string]row) bool {
		found = placesOf(rows)
		u.mu.Lock()
		defer u.mu.Unlock()
		long := slices.DeleteFunc(found.changes, func(r row) bool { return u.made[r.ID].breaks })
		return len(found.taken) > 0 && len(found.goes) > 0 && len(long) > 1
	}); err != nil {
		return err
	}
	return h.alone(func() error {
		u.change(ctx, bases[7], false, "")
		rows, err := h.rows(ctx)
		if err != nil {
			return err
		}
		if found = placesOf(rows); !found.all() {
			h.say("%s", summary(rows))
			return errNoScene
		}
		return f(found)
	})
}

// until waits for rows that are as wanted.
func (h *history) until(ctx context.Context, wanted func(map[string]row) bool) error {
	for range 600 {
		rows, err := h.rows(ctx)
		if err != nil || wanted(rows) {
			return err
		}
		pause(ctx, 200*time.Millisecond)
	}
	return errNoScene
}
