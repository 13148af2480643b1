package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// pool is how many connections to Postgres a process of a function may have at a
// time: two, or what its settings.go says.
func pool(function string) int {
	switch function {
	case "pause", "reconcile":
		return 4
	default:
		return 2
	}
}

// appName names a process of a function to Postgres.
func appName(function string, process int) string { return fmt.Sprintf("%s-%d", function, process) }

// connections are those that functions have to Postgres.
type connections struct {
	mu    sync.Mutex
	total int            // at a time, the most
	each  map[string]int // by function: of one process, the most
	err   error
}

// sampleEvery is the time between two looks at what has no event of its own.
const sampleEvery = 200 * time.Millisecond

// watch looks until ctx ends.
func (c *connections) watch(ctx context.Context, s *system) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := s.Postgres.Connections(context.WithoutCancel(ctx))
		c.note(now, err)
	}
}

// note takes the connections of one moment, by the name that each has.
func (c *connections) note(now map[string]int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.each == nil {
		c.each = map[string]int{}
	}
	total := 0
	for name, n := range now {
		function, _, _ := strings.Cut(name, "-")
		c.each[function] = max(c.each[function], n)
		total += n
	}
	c.total, c.err = max(c.total, total), errors.Join(c.err, err)
}

// rows hold what was seen against the pools of so many processes.
func (c *connections) rows(processes int) []row {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return []row{none("connections to Postgres that could not be counted", []string{c.err.Error()})}
	}
	bound := 0
	var rows []row
	for _, function := range slices.Sorted(maps.Keys(c.each)) {
		bound += pool(function) * processes
		rows = append(rows, most("connections to Postgres of one process of "+function, int64(c.each[function]), int64(pool(function)),
			"look at its pool in shared/postgres, and at MaxConns in its settings.go"))
	}
	return append(rows, most("connections to Postgres at a time", int64(c.total), int64(bound), "look at the rows above"))
}

// memory is what is resident at one moment, in bytes.
type memory struct {
	asleep    int // jobs
	runner    int64
	functions map[string]int64 // the largest process of each
}

// weigh measures after the runner's garbage is gone: what it keeps counts.
func (s *system) weigh(ctx context.Context, asleep int) (memory, error) {
	runtime.GC()
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	m := memory{asleep: asleep, runner: int64(heap.HeapInuse + heap.StackInuse), functions: map[string]int64{}}
	owner := map[string]string{}
	var pids []string
	for _, p := range s.Runtime.Processes() {
		pid := strconv.Itoa(p.PID)
		owner[pid], pids = p.Function, append(pids, pid)
	}
	out, err := exec.CommandContext(ctx, "ps", "-o", "pid=,rss=", "-p", strings.Join(pids, ",")).Output()
	if err != nil {
		return memory{}, fmt.Errorf("measure memory: ps: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		var pid string
		var kb int64
		if _, err := fmt.Sscan(line, &pid, &kb); err != nil {
			return memory{}, fmt.Errorf("measure memory: ps said %q: %w", line, err)
		}
		m.functions[owner[pid]] = max(m.functions[owner[pid]], kb<<10)
	}
	return m, nil
}

// held is what the runner holds beside memory.
type held struct{ goroutines, files int }

func holds() held {
	files, _ := os.ReadDir("/dev/fd") // the runner's own, on Linux and macOS
	return held{runtime.NumGoroutine(), len(files)}
}
