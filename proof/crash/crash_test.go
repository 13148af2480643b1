package crash_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"siesta/proof/crash"
	"siesta/proof/world"
)

func TestMain(m *testing.M) { world.Main(m) }

// TestACrashAtAnyCallBreaksNoPromise kills a function before and after each of
// its calls, and cuts the answer to each, one at a time. With CRASH=whole, as make
// crash sets it, each call of every scenario meets all three; else of those that rotate
// one, and spare ones are left out.
func TestACrashAtAnyCallBreaksNoPromise(t *testing.T) {
	whole := os.Getenv("CRASH") == "whole"
	fates := []world.Fate{world.Before, world.After, world.Lost}
	for _, c := range crash.Scenarios {
		if c.Spare && !whole {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s := world.New(t, c.Env)
			began, pristine := time.Now(), ""
			if c.Same {
				var err error
				if pristine, err = s.Pristine(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			// meets reports whether the k-th call was there to meet its fate.
			meets := func(k int, fate world.Fate) bool {
				call, broken, err := c.Run(t.Context(), s, k, fate, pristine)
				if err != nil {
					t.Fatalf("%s call %d: %v", fate, k, err)
				}
				if len(broken) > 0 {
					t.Fatalf("%s call %d, %v:\n%s", fate, k, call, strings.Join(broken, "\n"))
				}
				return call != nil
			}
			rounds, turn := len(fates), 0
			if c.Rotate && !whole {
				rounds, turn = 1, 1 // the fates take turns
			}
			for round := range rounds {
				k := 1
				for meets(k, fates[(round+turn*k)%len(fates)]) {
					k++
				}
				if k == 1 {
					t.Errorf("round %d met no call of %s", round, c.Function)
				}
				t.Logf("round %d: %d calls, %.1f s", round, k-1, time.Since(began).Seconds())
			}
		})
	}
}
