package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"siesta/local/e2bsim"
)

// lookEvery is the time between two looks at how far the jobs are.
const lookEvery = 500 * time.Millisecond

// wakeTime is longer than WAKE_SECONDS is by default.
const wakeTime = 11 * time.Minute

// load is one run.
type load struct {
	config
	*users
	connections connections
	sent        chan struct{} // closed when every job was sent in
	booked      bool          // pauses at the end of a wake
	weights     []memory      // at marks
	ready       time.Duration // until all jobs were
	rows        []row
}

// measure runs the load and returns what it found, as far as it came.
func measure(ctx context.Context, c config) (rows []row, err error) {
	s, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l := &load{config: c, users: newUsers(s, c.clients), sent: make(chan struct{})}
	l.patient = !c.bounds
	if err := l.empty(ctx); err != nil {
		return nil, err
	}
	before := holds()
	err = l.run(ctx)
	l.rows = slices.Concat(l.answers(), l.rows)
	if c.bounds {
		l.rows = slices.Concat(l.rows, l.connections.rows(c.processes), []row{l.healed()}, l.functions())
	}
	if err != nil || !c.bounds || len(broken(l.rows)) > 0 {
		return l.rows, err
	}
	if err := l.empty(ctx); err != nil {
		return l.rows, err
	}
	l.rows = append(l.rows, l.left(ctx, before)...)
	return l.rows, nil
}

// run sends everything in, waits for it, and wakes some.
func (l *load) run(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() { l.connections.watch(watching, l.system) })
	work.Go(func() { l.ask(watching) })
	began := time.Now()
	work.Go(func() {
		l.submit(watching, l.jobs)
		close(l.sent)
	})
	v, err := l.settle(ctx, began)
	if err != nil {
		return err
	}
	l.ready, _ = v.ends(began)
	l.rows = append(v.promises(), v.times(began)...)
	if len(broken(l.rows)) > 0 {
		return nil
	}

	ids := l.known(l.wakes)
	woken, err := l.wake(ctx, ids)
	if err != nil {
		return fmt.Errorf("wake %d sandboxes at once: %w", len(ids), err)
	}
	l.rows = append(l.rows, fact(fmt.Sprintf("%d resumed at once, until up", len(ids)), "%s", woken))
	began = time.Now()
	l.booked = true
	v, err = l.settle(ctx, began)
	if err != nil {
		return err
	}
	l.rows = append(l.rows, fact("until those sleep again", "%.1f s", time.Since(began).Seconds()))
	for _, r := range v.promises() {
		if len(r.wrong) > 0 {
			r.what += ", after the wakes"
			l.rows = append(l.rows, r)
		}
	}
	return nil
}

// settle returns when every job is asleep and all is as it must be, or when no
// further one has gone to sleep for as long as the patience lasts.
func (l *load) settle(ctx context.Context, began time.Time) (view, error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	best, since, told := 0, time.Now(), time.Time{}
	for {
		v, err := l.look(ctx)
		if err != nil {
			return v, err
		}
		ready, asleep := v.count()
		if asleep > best {
			best, since = asleep, time.Now()
		}
		if err := l.weighAt(ctx, asleep); err != nil {
			return v, err
		}
		if l.allSent() && asleep == len(v.ids) {
			if l.booked { // each wake has booked a pause, which finds the sandbox asleep
				l.SQS.Advance(wakeTime)
				l.booked = false
			}
			if err := l.checker.Compare(ctx, &v.View); err == nil && len(broken(v.promises())) == 0 {
				return v, nil
			}
		}
		if time.Since(told) > 4*lookEvery {
			told = time.Now()
			fmt.Fprintf(l.progress, "load: %3.0f s: %d accepted, %d READY, %d asleep; %d build and %d pause messages\n",
				time.Since(began).Seconds(), len(v.ids), ready, asleep, len(v.Messages["BuildQueue"]), len(v.Messages["PauseQueue"]))
		}
		if time.Since(since) > l.patience {
			return v, l.checker.Compare(ctx, &v.View) // what is wrong is in the view
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

func (l *load) allSent() bool {
	select {
	case <-l.sent:
		return true
	default:
		return false
	}
}

// weighAt measures memory when a fifth, a half and all of the jobs sleep.
func (l *load) weighAt(ctx context.Context, asleep int) error {
	marks := []int{max(1, l.jobs/5), max(1, l.jobs/2), l.jobs}
	if n := len(l.weights); n == len(marks) || asleep < marks[n] {
		return nil
	}
	m, err := l.weigh(ctx, asleep)
	l.weights = append(l.weights, m)
	return err
}

// empty ends every sandbox and every process of a function, so that the runner
// holds what it holds for itself.
func (l *load) empty(ctx context.Context) error {
	if _, err := l.look(ctx); err != nil { // its own connections are part of that
		return err
	}
	for _, sandbox := range l.E2B.Sandboxes() {
		if sandbox.State == e2bsim.StateGone {
			continue
		}
		if err := l.E2B.Vanish(ctx, sandbox.ID); err != nil {
			return err
		}
	}
	for _, p := range l.Runtime.Processes() {
		l.Runtime.Kill(p.Function, p.Number)
	}
	l.api.HTTP.CloseIdleConnections()
	return nil
}
