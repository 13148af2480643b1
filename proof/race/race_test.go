package race_test

import (
	"fmt"
	"strings"
	"testing"

	"siesta/proof/race"
	"siesta/proof/world"
)

func TestMain(m *testing.M) { world.Main(m) }

// TestNoOrderOfCallsBreaksAPromise plays seeded histories of several who act at
// the same time. A failure names its seed, which plays it again.
func TestNoOrderOfCallsBreaksAPromise(t *testing.T) {
	const lanes, each = 2, 50
	for lane := range lanes {
		t.Run(fmt.Sprint(lane), func(t *testing.T) {
			t.Parallel()
			s := world.New(t, race.Patient)
			for n := range each {
				seed := uint64(lane*each + n)
				told, err := race.Try(t.Context(), s, seed, 15)
				if err != nil || len(told.Broken) > 0 {
					t.Fatalf("seed %d: %v\n%s\n\n%s", seed, err, strings.Join(told.Broken, "\n"), strings.Join(told.History, "\n"))
				}
			}
		})
	}
}
