package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"siesta/proof/promises"
)

// history is what happens.
type history struct {
	*system
	users  *users
	places places  // where iterations were when the service was changed back
	way    wayBack // what that gave up
}

// play takes the system from the commit before to this one, back and here again,
// and tells what was not as promised.
func (h *history) play(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"the commit before, under load", h.load},
		{"its binaries on the new schema", h.expand},
		{"this commit, one function after the other, build last", h.upgrade},
		{"this commit, under load", h.iterate},
		{"back to the binaries before, build first, with iterations in flight", h.back},
		{"the binaries before on the new schema", h.meet},
		{"back to the schema before", h.contract},
		{"the new schema again", h.expand},
		{"this commit, one function after the other, build first", h.again},
		{"this commit, under load", h.iterate},
		{"all comes to rest", h.settle},
	} {
		h.say("== %s", step.what)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		if err := h.count(ctx); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.broken) > 0 {
		return fmt.Errorf("%w:\n  %s", errBroken, strings.Join(h.broken, "\n  "))
	}
	return nil
}

func (h *history) load(ctx context.Context) error {
	h.users.begin(ctx)
	return h.pass(ctx, 5*time.Minute)
}

func (h *history) expand(ctx context.Context) error {
	if err := h.deploy(ctx, h.new, "migrate"); err != nil {
		return err
	}
	if err := h.migrate(ctx, h.now); err != nil {
		return err
	}
	return h.pass(ctx, 2*time.Minute)
}

func (h *history) upgrade(ctx context.Context) error {
	h.users.iterate(true)
	return h.replace(ctx, h.new, inOrder(h.new))
}

// replace deploys one function after the other.
func (h *history) replace(ctx context.Context, from string, names []string) error {
	for _, name := range names {
		if err := h.deploy(ctx, from, name); err != nil {
			return err
		}
		if err := h.pass(ctx, leap); err != nil {
			return err
		}
	}
	h.say("deployed: %s", strings.Join(names, ", "))
	return nil
}

func (h *history) iterate(ctx context.Context) error { return h.pass(ctx, 5*time.Minute) }

// back deploys the binaries before, but for migrate, which alone knows the way down.
func (h *history) back(ctx context.Context) error {
	names := inOrder(h.old)
	slices.Reverse(names)
	err := h.compose(ctx, func(p places) error {
		h.places = p
		h.say("iterations: %d queued, %d with a sandbox as it was, %d that change it, %d that give back, %d gave back, %d READY",
			len(p.queued), len(p.taken), len(p.changes), len(p.goes), len(p.given), len(p.ready))
		return h.deploy(ctx, h.old, names[0])
	})
	if err != nil {
		return err
	}
	h.users.iterate(true)
	return h.replace(ctx, h.old, names[1:])
}

// meet lets the code before meet what it does not know.
func (h *history) meet(ctx context.Context) error {
	h.users.iterate(false)
	h.act(func() {
		m := h.users.made[h.places.changes[0].ID]
		h.users.cancel(ctx, m)
		for _, r := range h.places.ready[:1] {
			h.users.delete(ctx, h.users.made[r.BaseJobID])
		}
	})
	return h.pass(ctx, 5*time.Minute)
}

func (h *history) contract(ctx context.Context) error {
	err := h.alone(func() error {
		before, err := h.rows(ctx)
		if err != nil {
			return err
		}
		h.say("%s", summary(before))
		h.mu.Lock()
		h.asleep = true // what is given back is due, asleep or not, until its pause
		h.mu.Unlock()
		if err := h.migrate(ctx, h.oldest); err != nil {
			return err
		}
		after, err := h.rows(ctx)
		h.way = wentBack(before, after)
		for _, r := range before {
			if r.taking() {
				h.say("an iteration at %s (given up: %q) is %s, its version is %s", r.Status, r.Failing, after[r.ID].Status, after[r.TakenFrom].SandboxState)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return h.pass(ctx, 5*time.Minute)
}

func (h *history) again(ctx context.Context) error {
	h.users.iterate(true)
	names := inOrder(h.new)
	slices.Reverse(names)
	return h.replace(ctx, h.new, names)
}

// count tells where the jobs are, and what users were answered.
func (h *history) count(ctx context.Context) error {
	var rows map[string]row
	err := h.alone(func() (err error) {
		rows, err = h.rows(ctx)
		return err
	})
	if err != nil {
		return err
	}
	h.say("%s", summary(rows))
	if told := h.users.told(); told != "" {
		h.say("answers: %s", told)
	}
	return nil
}

// settle sends the users away, lets every job end, and everything come to rest.
func (h *history) settle(ctx context.Context) error {
	h.users.end()
	const most = 60 * time.Minute
	for waited := time.Duration(0); ; waited += leap {
		rows, err := h.rows(ctx)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(values(rows), func(r row) bool { return !r.unfinished() })
		if len(left) == 0 {
			break
		}
		if waited > most {
			h.wrong("%d jobs do not end: %s", len(left), summary(index(left)))
			break
		}
		if err := h.pass(ctx, leap); err != nil {
			return err
		}
	}
	if err := h.visit(ctx); err != nil {
		return err
	}
	h.rest()
	h.Excuse(promises.Overrun)
	broken, err := h.Settle(ctx)
	if err != nil {
		return err
	}
	for _, text := range broken {
		h.wrong("at rest: %s", text)
	}
	rows, err := h.rows(ctx)
	if err != nil {
		return err
	}
	h.users.mu.Lock()
	lost := verdict(h.users.made, rows, h.way)
	h.users.mu.Unlock()
	for _, text := range lost {
		h.wrong("%s", text)
	}
	return nil
}
