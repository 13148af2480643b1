package systemtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"siesta/proof/promises"
)

// What may be so in these systems, which work by themselves: E2B's time passes
// with everybody's, its kills take their time, and tests that stop the cache or
// send what cannot be handled leave that behind.
var (
	meddled = promises.Meddled{TimedOut: true, Killing: true}
	rest    = promises.Rest{Awake: true, Uncached: true, DeadLetters: true}
)

// checkPromises returns when the system is at rest and keeps every promise of
// the project, and fails the test if that does not come about. What must never
// be, not even for a moment, fails it at once.
func checkPromises(t *testing.T, s *system) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		v, err := s.checker.Look(t.Context())
		if err == nil {
			err = s.checker.Compare(t.Context(), &v)
		}
		if err != nil {
			t.Fatal(err)
		}
		if never := v.Never(meddled); len(never) > 0 {
			t.Fatalf("must never be:\n%s", strings.Join(promises.Texts(never), "\n"))
		}
		broken := v.Unrest(rest)
		if len(broken) == 0 {
			return
		}
		if len(broken) == len(v.Behind(rest)) { // a write that the cache did not take in time is reconcile's to repeat
			s.reconcile()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the system came to rest without its promises:\n%s", strings.Join(promises.Texts(broken), "\n"))
		}
	}
}
