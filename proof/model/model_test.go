package model_test

import (
	"flag"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"siesta/proof/model"
	"siesta/proof/world"
)

func TestMain(m *testing.M) {
	// The command line wins: -rapid.checks=2000 plays that many histories, and
	// -rapid.seed the same ones again.
	for name, value := range map[string]string{"rapid.checks": "60", "rapid.steps": "30", "rapid.nofailfile": "true", "rapid.shrinktime": "2m"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	world.Main(m)
}

func start(t *testing.T) *system {
	t.Helper()
	s, err := open(world.New(t, map[string]string{
		"PAUSE_AFTER_SECONDS": fmt.Sprint(model.PauseAfter.Seconds()), "WAKE_SECONDS": fmt.Sprint(model.Wake.Seconds()),
	}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTheSystemDoesWhatTheModelSays plays random histories, one step at a time,
// on the system and on the model. A failure tells the shortest history that was
// found, and the seed that plays it again.
func TestTheSystemDoesWhatTheModelSays(t *testing.T) {
	s := start(t)
	var shortest failure
	passed := map[string]bool{} // histories that were played; the search for a shorter one draws some again
	told, dropped := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		h := draw(r)
		same, part := shortest.without(h)
		switch {
		case shortest.wrong != "" && !part, passed[h.String()]:
			return // after a failure, only that history with steps left out is of interest
		case shortest.wrong != "" && same.wrong != "":
			shortest = same
		default:
			f := s.play(t.Context(), h)
			if f.slow {
				dropped++
				return
			}
			told++
			if f.wrong == "" {
				passed[h.String()] = true
				return
			}
			if shortest.wrong == "" && s.play(t.Context(), h).wrong == "" {
				t.Logf("once, and not again: %s", f.wrong)
				return
			}
			shortest = f
		}
		r.Fatal(shortest.wrong)
	})
	if told <= dropped {
		t.Errorf("%d histories were too slow to tell anything, %d were not", dropped, told)
	}
}
