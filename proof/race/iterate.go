package race

import (
	"context"
	"net/http"
	"time"

	"siesta/local/client"
	"siesta/proof/world"
	"siesta/shared/job"
)

// mostJobs there are of a project, so that more happens to each.
const mostJobs = 4

// inVain is what the check says of a change that fails.
const inVain = "not this way"

const failingCheck = "echo " + inVain + "; exit 1"

// iterations are the beginnings of a job that its user changes.
var iterations = []beginning{
	{"asleep, to be changed", true, world.Sleeper},
	{"just ready, to be changed", false, world.Ready},
	{"half asleep, its pause dying, an iteration waiting", true, after(iterating(halfAsleep, "", "", 0), time.Minute)},
	{"half awake, its resume dying, an iteration waiting", true, after(iterating(halfAwake, "", "", 0), time.Minute)},
	{"asleep, an iteration waiting", true, iterating(world.Sleeper, "", "", 0)},
	{"asleep, an iteration waiting that fails", true, iterating(world.Sleeper, failingCheck, "", 0)},
	{"awake, an iteration waiting", true, iterating(world.Awake, "", "", 0)},
	{"taken, the iteration's builder dying", true, after(iterating(world.Sleeper, "", "sandbox", 1), 90*time.Second)},
	{"copied, the iteration's builder dead", true, after(iterating(world.Awake, "", "sandbox", 6), 2*time.Minute)},
	{"changed, the iteration's builder dead", true, after(iterating(world.Sleeper, "", "s3", 1), 2*time.Minute)},
}

// change is a user who iterates on a version, in vain at times.
func (h *history) change() actor {
	from, check := pick(h.random, h.jobs), pick(h.random, []string{"", "", failingCheck})
	if len(h.jobs) >= mostJobs {
		return h.user(client.Resume)
	}
	return actor{name: "change", function: "start", do: func(ctx context.Context) error {
		h.Excuse(job.OpTime)
		_, err := h.Change(ctx, from.ID, check) // which may be refused, or die
		return err
	}}
}

// cancelIteration is a user who cancels the newest job there is, whatever it is at, if
// that iterates.
func (h *history) cancelIteration() actor {
	newest := h.jobs[len(h.jobs)-1]
	if newest.BaseJobID == "" {
		return h.user(client.Snapshot)
	}
	h.ended[newest.ID] = true
	return h.ask(newest.ID, client.Cancel)
}

// remove is a user who deletes any version.
func (h *history) remove() actor {
	id := pick(h.random, h.jobs).ID
	h.ended[id], h.deleted = true, true
	return actor{name: "user", function: "delete", do: func(ctx context.Context) error {
		h.Excuse(job.OpTime)
		_, err := h.API().Call(ctx, http.MethodDelete, "/api/generation/"+id, nil, nil)
		return err
	}}
}

// iterating is a version that sleeps, or is awake, and an iteration of it whose builder
// was killed at one of its calls, or has not begun.
func iterating(prepare func(context.Context, *world.System) (string, error), check, part string, call int) func(context.Context, *world.System) (string, error) {
	return func(ctx context.Context, s *world.System) (string, error) {
		from, err := prepare(ctx, s)
		if err != nil {
			return "", err
		}
		if _, err := s.Iterate(ctx, from, check); err != nil || part == "" {
			return from, err
		}
		s.Judge(&world.AtCall{Function: "build", Part: part, K: call, Fate: world.Before})
		defer s.Judge(nil)
		_, err = s.Deliver(ctx, "build")
		return from, err
	}
}
