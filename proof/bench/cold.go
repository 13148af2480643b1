package main

import (
	"context"
	"strings"

	"siesta/local/runtimeapi"
)

// coldStarts are what starts took: of the smallest Lambda and of a function until each
// polled, and of that until it had answered.
type coldStarts struct{ floor, poll, answer sample }

// coldStarts starts the smallest Lambda and a function in turns. An answer of the
// function's must hold want. ahead is done before each round.
func (b *bench) coldStarts(ctx context.Context, s *system, f runtimeapi.Function, event []byte, want string, ahead func() error) (c coldStarts, err error) {
	const smallest = "smallest"
	for _, f := range []runtimeapi.Function{{Name: smallest, Path: b.bootstrap(smallest)}, f} {
		if err := s.Runtime.Register(f); err != nil {
			return c, err
		}
	}
	for range b.rounds {
		if err := ahead(); err != nil {
			return c, err
		}
		for _, name := range []string{smallest, f.Name} {
			r, err := s.Runtime.Invoke(ctx, name, event)
			if err != nil {
				return c, err
			}
			s.Runtime.Kill(name, r.Process) // by its number: it may not have polled again yet, and would take the next event
			switch {
			case r.FunctionError != "" || r.Init == 0:
				return c, s.failed("start %s: %s %s", name, r.FunctionError, r.Payload)
			case name == smallest:
				c.floor.add(r.Init)
			case !strings.Contains(string(r.Payload), want):
				return c, s.failed("start %s: it answered %s", name, r.Payload)
			default:
				c.poll.add(r.Init)
				c.answer.add(r.Init + r.Duration)
			}
		}
	}
	return c, nil
}
