package model_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"siesta/local/e2bsim"
	"siesta/proof/model"
	"siesta/proof/world"
)

// history is what is to happen, in order.
type history []step

// step is one action, and a number that says which job, message, time or fault
// it is about, as far as there are several.
type step struct {
	name string
	n    int
}

func (h history) String() string { return fmt.Sprint([]step(h)) }

// failure is a history that ended in a difference.
type failure struct {
	history
	counts []bool // which of its steps were played, and had anything to do
	wrong  string // what happened, and the difference; "": none
	slow   bool   // a step took so long that what it should see is anybody's guess
}

// without is the failure of h, if it follows from f's without playing h: part
// reports whether h is f's history with some steps left out. If those had nothing to
// do, h fails as f did; else same.wrong is empty, and h must be played.
func (f failure) without(h history) (same failure, part bool) {
	same.wrong = f.wrong
	for i, s := range f.history {
		switch {
		case len(h) > 0 && h[0] == s:
			h = h[1:]
			same.history, same.counts = append(same.history, s), append(same.counts, f.counts[i])
		case f.counts[i]:
			same.wrong = ""
		}
	}
	return same, len(h) == 0
}

// action does a step on both sides. false: there is nothing to do.
type action func(w *pair, n int) bool

// actions are by name. Each name is drawn as often as any other, so an action that
// is to come up more often has two. numbers is how many different things the
// step's number can choose among; 0: it chooses nothing.
var actions = map[string]struct {
	do      action
	numbers int
}{
	"a message":            {(*pair).deliver, 0},
	"a pause message":      {(*pair).pause, 0},
	"a turn, no store":     {(*pair).storeless, 0},
	"an old message":       {(*pair).duplicate, 8},
	"resume":               {(*pair).resume, 2},
	"resume once more":     {(*pair).resume, 2},
	"snapshot":             {(*pair).snapshot, 2},
	"reconcile":            {(*pair).reconcile, 0},
	"time":                 {(*pair).pass, len(times)},
	"time up to an edge":   {(*pair).passToEdge, 4},
	"time over an edge":    {(*pair).passEdge, 4},
	"E2B breaks at wakes":  {breaks(wakes), 2 * len(wakes)},
	"E2B breaks at pauses": {breaks(pauses), 2 * len(pauses)},
	"E2B breaks elsewhere": {breaks(others), 2 * len(others)},
	"somebody wakes it":    {(*pair).wakeOutside, 2},
	"iterate":              {(*pair).iterate, 4},
	"iterate once more":    {(*pair).iterate, 4},
	"cancel a build":       {(*pair).cancelBuild, 2},
	"something else":       {(*pair).rare, len(rarely) * 2},
	"something elsewhere":  {(*pair).rare, len(rarely) * 2},
}

// rarely are the actions of which few histories need more than one.
var rarely = []action{(*pair).start, (*pair).lose, (*pair).cancel, (*pair).createOutside, (*pair).drop, (*pair).resumeAny, (*pair).snapshotAny, (*pair).iterateAny,
	(*pair).remove, (*pair).remove, (*pair).rebuild, (*pair).restore}

var (
	wakes, pauses = model.Faults(e2bsim.Connect), model.Faults(e2bsim.Pause)
	others        = slices.Concat(model.Faults(e2bsim.Create), model.Faults(e2bsim.Kill), model.Faults(e2bsim.Get), model.Faults(e2bsim.List))

	times = []time.Duration{5 * time.Second, time.Minute, 150 * time.Second, 7 * time.Minute, 12 * time.Minute, 25 * time.Hour}
)

// draw makes a history up. Nothing happens yet.
func draw(r *rapid.T) history {
	beginning := history{{name: "start"}, {name: "a message"}, {name: "time", n: 1}, {name: "a message"}, {name: "iterate", n: rapid.IntRange(0, 1).Draw(r, "in vain")}, {name: "a message"}}
	if rapid.Bool().Draw(r, "no store") {
		beginning[len(beginning)-1].name = "a turn, no store"
	}
	h := slices.Clone(beginning[:rapid.IntRange(0, len(beginning)).Draw(r, "beginning")])
	add := map[string]func(*rapid.T){}
	for name, a := range actions {
		add[name] = func(r *rapid.T) {
			s := step{name: name}
			if a.numbers > 0 {
				s.n = rapid.SampledFrom(upTo(a.numbers)).Draw(r, "n")
			}
			h = append(h, s)
		}
	}
	r.Repeat(add)
	return h
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// play plays a history from an empty system up to the first difference.
func (s *system) play(ctx context.Context, h history) failure {
	f := failure{history: h, counts: make([]bool, len(h))}
	w := &pair{system: s, ctx: ctx, model: &model.Model{}}
	w.must(s.Empty(ctx))
	w.model.Now, w.began = w.now(), w.now()
	for i, step := range h {
		do := actions[step.name].do
		if step.name == "start" {
			do = (*pair).start
		}
		if f.counts[i] = do(w, step.n); !f.counts[i] {
			continue
		}
		if f.slow = w.now().Sub(w.began) > moment; f.slow {
			break
		}
		if w.compare(); w.wrong != "" {
			f.wrong = "the history:\n  " + strings.Join(w.told, "\n  ") + "\nthe difference:\n  " + w.wrong
			break
		}
	}
	return f
}

// of picks one of several by a number.
func of[T any](all []T, n int) (one T, ok bool) {
	if len(all) == 0 {
		return one, false
	}
	return all[n%len(all)], true
}

func (w *pair) rare(n int) bool { return rarely[n%len(rarely)](w, n/len(rarely)) }

// deliver takes the next message of either queue, and pause of that one.
func (w *pair) deliver(int) bool { return w.next("build") || w.next("pause") }
func (w *pair) pause(int) bool   { return w.next("pause") }

// storeless lets a turn hear nothing from the store: it leaves what it has begun to the
// next one.
func (w *pair) storeless(int) bool {
	w.Judge(noStore{})
	defer w.Judge(nil)
	return w.next("build")
}

// noStore loses every answer of the store.
type noStore struct{}

func (noStore) Admit(c world.Call) world.Fate {
	if c.Part == "s3" {
		return world.Lost
	}
	return world.Pass
}

func (noStore) Answered(world.Call) {}

func (w *pair) next(queue string) bool {
	w.clear(0)
	if w.SQS.Stats(queues[queue]).Visible == 0 {
		return false
	}
	w.begin("a message of the %s queue comes", queue)
	if d, ok := w.receive(queue); ok {
		w.handle(d)
	}
	return true
}

func (w *pair) duplicate(n int) bool {
	d, ok := of(w.received, n)
	if ok {
		w.begin("a message that came before comes again: %s of job %d, number %d", d.Queue, w.number(d.Job), d.Number)
		w.handle(d)
	}
	return ok
}

func (w *pair) number(j *model.Job) int { return slices.Index(w.model.Jobs, j) + 1 }

func (w *pair) reconcile(int) bool {
	w.begin("reconcile")
	w.must(w.Sweep(w.ctx))
	w.model.Reconcile()
	return true
}

func (w *pair) pass(n int) bool { return w.wait(times[n]) }

// passEdge lets time pass until something has just become another thing to do,
// and passToEdge until just before.
func (w *pair) passEdge(n int) bool {
	edge, ok := w.edge(n)
	return ok && w.wait(edge.Sub(w.now()))
}

func (w *pair) passToEdge(n int) bool {
	edge, ok := w.edge(n)
	return ok && w.wait(edge.Sub(w.now())-moment-time.Second)
}

func (w *pair) edge(n int) (time.Time, bool) {
	edges := w.model.Edges()
	return of(edges[:min(len(edges), 4)], n)
}

func (w *pair) wait(d time.Duration) bool {
	if d <= 0 {
		return false
	}
	w.clear(d)
	w.begin("%s pass", d.Round(time.Second))
	return true
}
