package runtimeapi

import (
	"cmp"
	"slices"
)

// Process is one running process of a function.
type Process struct {
	Function string
	Number   int
	PID      int
}

// Processes returns the processes that run now, by function and number.
func (s *Server) Processes() (all []Process) {
	for _, p := range s.all() {
		p.mu.Lock()
		for number, q := range p.processes {
			if q.cmd != nil {
				all = append(all, Process{p.function.Name, number, q.cmd.Process.Pid})
			}
		}
		p.mu.Unlock()
	}
	slices.SortFunc(all, func(x, y Process) int {
		return cmp.Or(cmp.Compare(x.Function, y.Function), cmp.Compare(x.Number, y.Number))
	})
	return all
}
