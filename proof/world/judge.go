package world

import (
	"fmt"
	"sync/atomic"
)

// Call is one question of a function's process to something outside: what it
// sends after it connected, or after the last answer came.
type Call struct {
	Function string
	Process  int
	Part     string // postgres, redis, sqs, e2b or sandbox
	Text     string // how it begins, for people
	Orphan   bool   // its process was killed while it was on its way
}

func (c Call) String() string { return fmt.Sprintf("%s to %s: %s", c.Function, c.Part, c.Text) }

// Fate is what becomes of a call.
type Fate int

// What may become of a call.
const (
	Pass   Fate = iota
	Before      // the process is killed, and the call not sent
	After       // the call has its effect; the process is killed before it hears the answer
	Lost        // the call has its effect; the connection is cut instead of the answer
	Late        // the process is killed; its call goes on as an orphan, which the Judge is asked about anew
)

func (f Fate) String() string { return [...]string{"pass", "before", "after", "lost", "late"}[f] }

// Judge decides about every call. Its methods are called by several at once.
type Judge interface {
	// Admit decides the fate of a call before it is sent; it holds the call by
	// not returning.
	Admit(Call) Fate
	// Answered is told that the answer to a call that passed has come, or that
	// there will be none.
	Answered(Call)
}

// AtCall is the Judge that gives one call its Fate, and lets all others pass.
type AtCall struct {
	Function string // whose call
	Part     string // to what; "" is any
	K        int    // the how manieth of those, from 1
	Fate     Fate

	calls atomic.Int64
	met   atomic.Pointer[Call]
}

// Admit is a Judge's.
func (a *AtCall) Admit(c Call) Fate {
	if c.Function != a.Function || a.Part != "" && c.Part != a.Part || a.calls.Add(1) != int64(a.K) {
		return Pass
	}
	a.met.Store(&c)
	return a.Fate
}

// Answered is a Judge's.
func (a *AtCall) Answered(Call) {}

// Met is the call that met the fate; nil: there were fewer calls.
func (a *AtCall) Met() *Call { return a.met.Load() }

// Judge makes j decide about every call from now on; with nil all pass.
func (s *System) Judge(j Judge) {
	if j == nil {
		j = nobodyAsks{}
	}
	s.judge.now.Store(&j)
}

// changing is the judge of the moment.
type changing struct{ now atomic.Pointer[Judge] }

func (c *changing) Admit(call Call) Fate { return (*c.now.Load()).Admit(call) }
func (c *changing) Answered(call Call)   { (*c.now.Load()).Answered(call) }

// nobodyAsks lets everything pass.
type nobodyAsks struct{}

func (nobodyAsks) Admit(Call) Fate { return Pass }
func (nobodyAsks) Answered(Call)   {}
