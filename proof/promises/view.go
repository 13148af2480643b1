// Package promises tells which promises of the project a system breaks. It owns
// the one view of rows, cache, simulator and queues, and what of it must never be
// and what must be so when the system has come to rest.
//
// It changes nothing, waits for nothing, and does not know what was done to the
// system: whoever did something says what is allowed because of it.
package promises

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"siesta/local/e2bsim"
	"siesta/local/sqssim"
	"siesta/local/stack"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

// View is what there is in a system at one moment.
type View struct {
	Jobs      []job.Job
	Moving    int                          // jobs that are not in Jobs: they changed while one looked
	Sandboxes []e2bsim.Info                // as they really are, those that are gone included
	Messages  map[string][]sqssim.Message  // by queue
	Cached    map[string]map[string]string // the cache's fields, by job; none: it is not cached
	Now       time.Time                    // E2B's clock
	Unread    error                        // why the cache is not in it
}

// Checker looks at one system. Several may use it at once.
type Checker struct {
	stack *stack.Stack
	store *jobs.Store
	redis *goredis.Client
}

// New returns the checker of a system whose jobs are in store. Close it.
func New(s *stack.Stack, store *jobs.Store) (*Checker, error) {
	options, err := goredis.ParseURL(s.RedisURL)
	if err != nil {
		return nil, fmt.Errorf("read address of Redis: %w", err)
	}
	options.ReadTimeout = 10 * time.Second // it waits for the answer, however slow the machine
	return &Checker{stack: s, store: store, redis: goredis.NewClient(options)}, nil
}

// Close ends its connections.
func (c *Checker) Close() error { return c.redis.Close() }

// Look reads all but the cache. While functions run, Compare then finds out which
// of it belongs together.
func (c *Checker) Look(ctx context.Context) (View, error) {
	jobs, err := c.jobs(ctx)
	if err != nil {
		return View{}, err
	}
	v := View{Jobs: jobs, Now: c.stack.E2B.Now(), Sandboxes: c.stack.E2B.Sandboxes()}
	v.Messages = c.messages()
	return v, nil
}

// Compare adds what the cache says to what Look has read, and takes out the jobs
// that have changed since: what is known of them is of several moments.
func (c *Checker) Compare(ctx context.Context, v *View) error {
	v.Cached, v.Unread = map[string]map[string]string{}, nil
	for _, j := range v.Jobs {
		fields, err := c.redis.HGetAll(ctx, "job:"+j.ID).Result()
		if err != nil {
			v.Unread = err
			break
		}
		v.Cached[j.ID] = fields
	}
	before := map[string]int64{}
	for _, j := range v.Jobs {
		before[j.ID] = j.Revision
	}
	after, err := c.jobs(ctx)
	if err != nil {
		return err
	}
	v.Jobs = v.Jobs[:0]
	for _, j := range after {
		if revision, known := before[j.ID]; known && revision == j.Revision {
			v.Jobs = append(v.Jobs, j)
		} else {
			v.Moving++
		}
	}
	v.Messages = c.messages()
	return nil
}

// jobs are all there are.
func (c *Checker) jobs(ctx context.Context) ([]job.Job, error) {
	const most = 100_000
	jobs, err := c.store.Changed(ctx, time.Time{}, "", most)
	if err != nil {
		return nil, fmt.Errorf("look at the jobs: %w", err)
	}
	return jobs, nil
}

func (c *Checker) messages() map[string][]sqssim.Message {
	all := map[string][]sqssim.Message{}
	for _, queue := range c.stack.Queues() {
		all[queue] = c.stack.SQS.Messages(queue)
	}
	return all
}

// owner is the job that has a sandbox, or had it last, or that it was created for.
func (v View) owner(sandbox e2bsim.Info) (owner job.Job, known bool) {
	for _, j := range v.Jobs {
		switch {
		case j.SandboxID == sandbox.ID && has(j):
			return j, true
		case j.SandboxID == sandbox.ID && j.SandboxState == job.SandboxGone,
			!known && j.ID == sandbox.Metadata[job.TagJob]:
			owner, known = j, true
		}
	}
	return owner, known
}

// has reports whether a row claims a sandbox.
func has(j job.Job) bool {
	return j.SandboxState != job.SandboxNone && j.SandboxState != job.SandboxMoved && j.SandboxState != job.SandboxGone
}

// tried reports whether an iteration had a job's sandbox and gave it back.
func (v View) tried(j job.Job) bool {
	for _, other := range v.Jobs {
		if other.TakenFrom == j.ID && other.Status == job.Failed {
			return true
		}
	}
	return false
}

// state is how the sandbox that a job's row names really is; "": there never was
// one of that name.
func (v View) state(j job.Job) e2bsim.State {
	if j.SandboxID == "" {
		return e2bsim.StateGone
	}
	for _, sandbox := range v.Sandboxes {
		if sandbox.ID == j.SandboxID {
			return sandbox.State
		}
	}
	return ""
}
