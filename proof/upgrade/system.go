package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"siesta/local/postgresserver"
	"siesta/proof/promises"
	"siesta/proof/world"
	"siesta/shared/postgres"
)

// Time goes by in leaps, each at a moment when nothing runs, so that no lease ends
// under who has it.
const (
	leap  = 30 * time.Second
	every = 2 * time.Second
)

// settings are those under which nothing but what is looked for ends a job or a
// preview.
var settings = map[string]string{
	"BUILD_DEADLINE_SECONDS": "86400", "KEEP_SANDBOXES": "1000", "WAKE_SECONDS": "240",
}

// asOwner lets the functions' users do what the owner may: the version before may know
// no other user, and grant them nothing.
const asOwner = `DO $$ BEGIN EXECUTE format('GRANT %I TO siesta_functions, siesta_reader', current_user); END $$`

// system is a whole system that works by itself, in two versions.
type system struct {
	*world.System
	built
	db  *postgres.DB
	say func(string, ...any)

	// gate is open for readers while things happen; who has it for itself sees the
	// system at a moment when nothing runs.
	gate   sync.RWMutex
	sweeps chan struct{}
	lanes  sync.WaitGroup
	stop   context.CancelFunc

	mu     sync.Mutex
	still  bool            // no time goes by
	behind map[string]bool // functions that run the binaries before
	leaps  int
	lapsed chan struct{} // closed at the next leap, and replaced
	asleep bool          // what says that it runs may sleep: see goBack
	broken []string      // what must never be, and was
}

// open starts a system on the binaries before. Close it.
func open(ctx context.Context, b built, data string, log func(string), say func(string, ...any)) (*system, error) {
	s := &system{built: b, say: say, sweeps: make(chan struct{}, 1), lapsed: make(chan struct{}), behind: map[string]bool{}}
	var err error
	s.System, err = world.Start(ctx, world.Config{Root: b.root, BinDir: b.live, DataDir: data, Env: settings, Log: log})
	if err != nil {
		return nil, err
	}
	s.db, err = postgres.Open(ctx, postgres.Config{URL: s.Postgres.SocketURL(postgresserver.Database)})
	if err != nil {
		return nil, errors.Join(err, s.System.Close())
	}
	if err := s.db.Exec(ctx, asOwner, nil); err != nil {
		s.db.Close()
		return nil, errors.Join(err, s.System.Close())
	}
	for _, name := range functions(b.old) {
		s.behind[name] = true
	}
	running, stop := context.WithCancel(ctx)
	s.stop = stop
	for range 4 {
		s.lane(running, "build")
	}
	for range 2 {
		s.lane(running, "pause")
	}
	s.lanes.Go(func() { s.sweep(running) })
	s.lanes.Go(func() { s.clock(running) })
	return s, nil
}

// rest ends what goes on by itself.
func (s *system) rest() {
	s.stop()
	s.lanes.Wait()
}

func (s *system) close() error {
	s.rest()
	s.db.Close()
	return s.System.Close()
}

// lane delivers one message after the other to a function.
func (s *system) lane(ctx context.Context, function string) {
	s.lanes.Go(func() {
		for ctx.Err() == nil {
			n := 0
			s.act(func() {
				var err error
				if n, err = s.Deliver(context.WithoutCancel(ctx), function); err != nil {
					s.wrong("deliver to %s: %v", function, err)
				}
			})
			if n == 0 {
				pause(ctx, 50*time.Millisecond)
			}
		}
	})
}

// sweep runs reconcile once a minute.
func (s *system) sweep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.sweeps:
			s.act(func() { _ = s.Sweep(context.WithoutCancel(ctx)) }) // a part of it may have failed
		}
	}
}

// act does something while nobody looks.
func (s *system) act(f func()) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	f()
}

// alone does something while nothing else happens.
func (s *system) alone(f func() error) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	return f()
}

// clock lets time go by, and looks at each stop for what must never be.
func (s *system) clock(ctx context.Context) {
	for {
		pause(ctx, every)
		if ctx.Err() != nil {
			return
		}
		if err := s.alone(func() error { return s.leap(context.WithoutCancel(ctx)) }); err != nil {
			s.wrong("let time go by: %v", err)
		}
	}
}

func (s *system) leap(ctx context.Context) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.still {
		return nil
	}
	if err := s.Pass(ctx, leap); err != nil {
		return err
	}
	if s.leaps++; s.leaps%2 == 0 {
		select {
		case s.sweeps <- struct{}{}:
		default: // the one before is still to come
		}
	}
	close(s.lapsed)
	s.lapsed = make(chan struct{})
	return nil
}

// hold stops the clock, or lets it go on.
func (s *system) hold(still bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.still = still
}

// pass waits until so much time has gone by.
func (s *system) pass(ctx context.Context, d time.Duration) error {
	for range int(d / leap) {
		s.mu.Lock()
		lapsed := s.lapsed
		s.mu.Unlock()
		select {
		case <-lapsed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// look notes what must never be. It is called when nothing runs.
func (s *system) look(ctx context.Context) error {
	rows, err := s.rows(ctx)
	if err != nil {
		return err
	}
	v := s.view(rows)
	s.mu.Lock()
	meddled := promises.Meddled{TimedOut: s.asleep}
	s.mu.Unlock()
	for _, text := range append(promises.Texts(v.Never(meddled)), dead(rows, alive(v))...) {
		s.wrong("%s", text)
	}
	return nil
}

// wrong notes what was promised and did not hold, once.
func (s *system) wrong(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.mu.Lock()
	known := slices.Contains(s.broken, text)
	if !known {
		s.broken = append(s.broken, text)
	}
	s.mu.Unlock()
	if !known {
		s.say("WRONG: %s", text)
	}
}

// order is that in which functions are replaced, or the other way round. It begins
// with those that look and ends with those that work.
var order = []string{"status", "logs", "versions", "snapshot", "cancel", "delete", "resume", "share", "preview", "wake", "start", "reconcile", "pause", "build"}

// inOrder are the functions that a folder has, without migrate, in that order.
func inOrder(from string) []string {
	names := functions(from)
	rank := func(name string) int { return slices.Index(order, name) }
	names = slices.DeleteFunc(names, func(name string) bool { return name == "migrate" })
	slices.SortFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
