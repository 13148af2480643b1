package crash_test

import (
	"strings"
	"testing"
	"time"

	"siesta/proof/crash"
	"siesta/proof/world"
)

func TestMain(m *testing.M) { world.Main(m) }

// TestACrashAtAnyCallBreaksNoPromise kills a function before and after each of
// its calls, and cuts the answer to each, one at a time.
func TestACrashAtAnyCallBreaksNoPromise(t *testing.T) {
	for _, c := range crash.Scenarios {
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
			for _, fate := range []world.Fate{world.Before, world.After, world.Lost} {
				k := 1
				for ; ; k++ {
					call, broken, err := c.Run(t.Context(), s, k, fate, pristine)
					if err != nil {
						t.Fatalf("%s call %d: %v", fate, k, err)
					}
					if len(broken) > 0 {
						t.Errorf("%s call %d, %v:\n%s", fate, k, call, strings.Join(broken, "\n"))
						return
					}
					if call == nil {
						break
					}
				}
				if k == 1 {
					t.Errorf("%s met no call of %s", fate, c.Function)
				}
				t.Logf("%s: %d calls, %.1f s", fate, k-1, time.Since(began).Seconds())
			}
		})
	}
}
