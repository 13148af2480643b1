package world

import (
	"strings"
	"sync"
)

// Lines keeps what functions write. Several may add to it at once.
type Lines struct {
	Most int // how many lines are kept, the last ones; 0: all

	mu  sync.Mutex
	all []string
}

// Add adds a line.
func (l *Lines) Add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
	if l.Most > 0 {
		l.all = l.all[max(0, len(l.all)-l.Most):]
	}
}

// String is all that is kept.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// Tail is the beginnings of the last lines, for people.
func (l *Lines) Tail(most int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	const width = 400
	var last []string
	for _, line := range l.all[max(0, len(l.all)-most):] {
		last = append(last, line[:min(width, len(line))])
	}
	return strings.Join(last, "\n")
}
