package model

import (
	"net/http"
	"slices"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// Sandbox is one that E2B has.
type Sandbox struct {
	ID      string // known once it has been seen
	Job     *Job   // that it was created for; nil: somebody else's, with our tag
	Create  int    // which create call made it
	Running bool   // else it sleeps
	Started time.Time
	End     time.Time // while it runs
}

// meaning is what an answer of E2B's, or none, is worth.
type meaning int

const (
	done     meaning = iota
	unknown          // it may or may not have taken effect
	failed           // it ended without effect
	notFound         //
	refused          // for good
	later            // not now

	lost // not of an answer: the sandbox is lost, E2B has said so twice
	over // nor this: the turn has ended its job, or given back what it took
)

// Fault is something that E2B does to the next call of a kind.
type Fault struct {
	e2bsim.Fault
	Name    string
	effect  bool // the call does what it should
	vanish  bool // the sandbox is lost first
	meaning meaning
}

// fault makes one of its name.
func fault(call e2bsim.Kind, name string) Fault {
	f := Fault{Fault: e2bsim.Fault{Call: call}, Name: name}
	status := func(code int, m meaning) { f.Action, f.Status, f.meaning = e2bsim.ErrorAnswer, code, m }
	switch name {
	case "504":
		f.Action, f.meaning = e2bsim.GatewayTimeout, unknown
	case "504 after its effect":
		f.Action, f.meaning, f.effect = e2bsim.TimeoutAfter, unknown, true
	case "no answer":
		f.Action, f.meaning, f.effect = e2bsim.AnswerLost, unknown, true
	case "500":
		status(http.StatusInternalServerError, failed)
	case "404":
		status(http.StatusNotFound, notFound)
	case "403":
		status(http.StatusForbidden, refused)
	case "401": // once, then the key is read anew
		status(http.StatusUnauthorized, done)
		f.effect = true
	case "429":
		f.Action, f.meaning = e2bsim.LimitReached, later
	case "429 for 40 s":
		f.Action, f.RetryAfter, f.meaning = e2bsim.RateLimited, 40, later
	case "503": // its node is busy
		status(http.StatusServiceUnavailable, later)
	case "503 for 40 s":
		status(http.StatusServiceUnavailable, later)
		f.RetryAfter = 40
	case "loss":
		f.Action, f.vanish, f.effect = e2bsim.Vanish, true, true
	}
	return f
}

// Faults are those that a history may have, for one kind of call. After some
// failures of a GET or a list the client asks again at once, so that nobody sees
// them: those are left out.
func Faults(call e2bsim.Kind) (all []Fault) {
	names := map[e2bsim.Kind][]string{
		e2bsim.Connect: {"504", "504 after its effect", "no answer", "500", "404", "403", "401", "429", "429 for 40 s", "loss"},
		e2bsim.Pause:   {"504", "504 after its effect", "no answer", "500", "503", "503 for 40 s", "404", "403", "401", "429", "429 for 40 s", "loss"},
		e2bsim.Create:  {"504", "504 after its effect", "no answer", "500", "404", "403", "401", "429", "429 for 40 s"},
		e2bsim.Kill:    {"504", "504 after its effect", "no answer", "500", "404"},
		e2bsim.Get:     {"404", "403", "loss"},
		e2bsim.List:    {"403"},
	}
	for _, name := range names[call] {
		all = append(all, fault(call, name))
	}
	return all
}

// call asks E2B something: does is what it does, and what it then says.
func (m *Model) call(kind e2bsim.Kind, s *Sandbox, does func() meaning) (meaning, Fault) {
	i := slices.IndexFunc(m.Faults, func(f Fault) bool { return f.Call == kind && (s == nil || f.Sandbox == s.ID) })
	if i < 0 {
		return does(), Fault{}
	}
	f := m.Faults[i]
	m.Faults = slices.Delete(m.Faults, i, i+1)
	if f.vanish {
		m.Lose(s)
	}
	says := f.meaning
	if f.effect {
		if said := does(); says == done {
			says = said
		}
	}
	return says, f
}

func (m *Model) has(s *Sandbox) bool { return slices.Contains(m.Sandboxes, s) }

// Lose takes a sandbox away for good.
func (m *Model) Lose(s *Sandbox) {
	m.Sandboxes = slices.DeleteFunc(m.Sandboxes, func(other *Sandbox) bool { return other == s })
}

func (m *Model) known(s *Sandbox) meaning {
	if m.has(s) {
		return done
	}
	return notFound
}

func (m *Model) get(s *Sandbox) meaning {
	says, _ := m.call(e2bsim.Get, s, func() meaning { return m.known(s) })
	return says
}

func (m *Model) list() meaning {
	says, _ := m.call(e2bsim.List, nil, func() meaning { return done })
	return says
}

// connect wakes a sandbox, or puts off its end.
func (m *Model) connect(s *Sandbox, life time.Duration) (meaning, Fault) {
	return m.call(e2bsim.Connect, s, func() meaning {
		if !m.has(s) {
			return notFound
		}
		m.Wake(s, life)
		return done
	})
}

// Wake is what E2B does when anybody connects.
func (m *Model) Wake(s *Sandbox, life time.Duration) {
	end := m.Now.Add(life)
	if !s.Running {
		s.Running, s.Started, s.End = true, m.Now, end
	} else if end.After(s.End) {
		s.End = end
	}
}

// sleep pauses a sandbox. That it sleeps already is as good.
func (m *Model) sleep(s *Sandbox) (meaning, Fault) {
	return m.call(e2bsim.Pause, s, func() meaning {
		s.Running = false
		return m.known(s)
	})
}

func (m *Model) end(s *Sandbox) meaning {
	says, _ := m.call(e2bsim.Kill, s, func() meaning {
		said := m.known(s)
		m.Lose(s)
		return said
	})
	return says
}

// create makes a sandbox for a job's newest create call.
func (m *Model) create(j *Job) (*Sandbox, meaning, Fault) {
	s := &Sandbox{Job: j, Create: j.creates, Running: true, Started: m.Now, End: m.Now.Add(buildLife)}
	says, f := m.call(e2bsim.Create, nil, func() meaning {
		m.Sandboxes = append(m.Sandboxes, s)
		return done
	})
	switch says {
	case failed: // it may have come of it
		says = unknown
	case notFound: // the template
		says = refused
	}
	return s, says, f
}

// tagged is the sandbox of a job's newest create call, if E2B has it.
func (m *Model) tagged(j *Job) *Sandbox {
	for _, s := range m.Sandboxes {
		if s.Job == j && s.Create == j.creates {
			return s
		}
	}
	return nil
}

// asleep reports whether a row says so of its sandbox.
func (j *Job) asleep() bool { return j.State == job.SandboxPaused }
