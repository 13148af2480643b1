package race

import (
	"cmp"
	"context"
	"slices"

	"siesta/proof/world"
)

// actor is one of those who act at the same time: somebody who invokes a
// function, whose calls are let go one by one, or, without a function, something
// that happens as a whole between two calls.
type actor struct {
	name     string
	function string
	do       func(context.Context) error
}

// player is an actor's part in a race. The race's lock guards it.
type player struct {
	actor
	name    string // the actor's, with what tells it from the others
	process int    // that runs its function; 0: not known yet
	done    bool
	orphan  bool           // it is one call, whose process was killed
	open    int            // calls that were let go and have no answer yet
	held    []held         // calls that wait to be let go
	calls   map[string]int // how many it has made, by part
	rank    int            // the highest of all players goes first
}

// held is a call that waits to be let go.
type held struct {
	world.Call
	name   string // the player's, the part, and the how manieth call to it that is
	passed bool   // its player went to the end of the ranks because of it
	going  chan world.Fate
}

// first is the call of a player's that goes next. Of calls that it makes side by
// side any may come first, so their names decide, that a seed plays the same.
func (p *player) first() *held {
	slices.SortStableFunc(p.held, func(a, b held) int { return cmp.Compare(a.name, b.name) })
	return &p.held[0]
}

// player finds whose call it is; nil: no player's. Which process serves an actor
// shows at its first call only: a process that is nobody's so far belongs to the
// first actor of its function that has none.
func (r *race) player(c world.Call) *player {
	for _, p := range r.players {
		if p.function == c.Function && p.process == c.Process && p.orphan == c.Orphan && !(p.orphan && p.done) {
			return p
		}
	}
	for _, p := range r.players {
		if p.function == c.Function && p.process == 0 && !p.done {
			p.process = c.Process
			return p
		}
	}
	return nil
}
