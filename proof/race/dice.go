package race

import (
	"hash/fnv"
	"math/rand/v2"

	"siesta/proof/world"
)

// dice decide by a seed and the name of what is decided, and by nothing that
// was decided before: a call that comes a moment sooner or later moves no other
// decision.
type dice struct {
	seed   uint64
	faults int // in a thousand calls
	odds   int // one in so many calls puts its player behind all others
}

func newDice(seed uint64, faults int) dice {
	d := dice{seed: seed, faults: faults}
	// Some mistakes show only if players seldom give way, others only if they often do.
	d.odds = pick(d.roll("odds"), []int{3, 8, 20, 60})
	return d
}

// roll is the chance of what has a name.
func (d dice) roll(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails, says its documentation
	return rand.New(rand.NewPCG(d.seed, h.Sum64()))
}

// rank is a player's place at the beginning.
func (d dice) rank(player string) int { return d.roll(player).Int() }

// drops reports whether a call's player goes to the end of the ranks because of
// it. A call to E2B is the likeliest to be long on its way.
func (d dice) drops(call, part string) bool {
	odds := d.odds
	if part == "e2b" {
		odds = 2
	}
	return d.roll("drop "+call).IntN(odds) == 0
}

// fate is what a call meets. Those to E2B meet more than others: the protocol
// is about their answers and delays.
func (d dice) fate(call, part string) world.Fate {
	faults, fates := d.faults, []world.Fate{world.Before, world.After, world.Lost, world.Late}
	if part == "e2b" {
		faults, fates = 8*faults, []world.Fate{world.Before, world.After, world.Lost, world.Late, world.Late, world.Late}
	}
	random := d.roll("fate " + call)
	if random.IntN(1000) >= faults {
		return world.Pass
	}
	return pick(random, fates)
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }
