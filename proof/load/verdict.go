package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"siesta/shared/job"
)

const (
	// flatTimes and flatPlus are what the memory of a function's process may
	// become from a fifth of the way to its end: a third more, and what a
	// collector has not yet given back.
	flatTimes, flatPlus = 1.3, 8 << 20
	// perSandbox is what the runner may keep of each sandbox, in bytes.
	perSandbox = 64 << 10
	// slack is what two counts of goroutines or files may differ by, without
	// anything being left behind for each job.
	slack = 20
	// calm is how long connections may take to be closed.
	calm = 20 * time.Second
)

// answers are the rows about what the API said.
func (l *load) answers() []row {
	l.mu.Lock()
	defer l.mu.Unlock()
	refused := make([]string, max(0, l.jobs-len(l.ids)))
	for i := range refused {
		refused[i] = "a job was not accepted: see the answers that nobody should get"
	}
	return []row{
		all("jobs accepted", l.jobs, refused),
		none("answers that nobody should get", l.failures),
		fact("answer to start", "%s", l.starts),
		fact("answer to status", "%s", l.status),
	}
}

// healed is the row about what reconcile had to put right. Nothing gets stuck
// in this run, so whatever it finds was lost, but for two things: a job that waits
// in the queue for longer than a turn may be late, and a cache that is written
// while reconcile looks.
func (l *load) healed() row {
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	const turns, cache = "abandoned_turns", "stale_cache"
	r := row{what: "put right by reconcile", measured: "nothing", bound: "nothing"}
	var told []string
	for _, rule := range slices.Sorted(maps.Keys(l.journal.healed)) {
		told = append(told, fmt.Sprintf("%s %d", rule, l.journal.healed[rule]))
		if rule == cache || rule == turns && l.ready > job.ReconcileAfter {
			continue
		}
		r.wrong = append(r.wrong, fmt.Sprintf("%d of its %s: a message or an answer was lost before", l.journal.healed[rule], rule))
	}
	if len(told) > 0 {
		r.measured = strings.Join(told, ", ")
	}
	return r
}

// functions are the rows about what ran.
func (l *load) functions() (rows []row) {
	l.journal.mu.Lock()
	rows = append(rows, none("failed invocations and batches", l.journal.reported))
	l.journal.mu.Unlock()
	for _, bill := range l.Runtime.Bills() {
		if bill.Invocations == 0 || bill.Function == "migrate" {
			continue
		}
		rows = append(rows, fact("invocations of "+bill.Function, "%d, %.0f ms billed each", bill.Invocations,
			float64(bill.Billed.Milliseconds())/float64(bill.Invocations)))
	}
	return append(rows, l.memory()...)
}

// memory are the rows about what grew with the jobs.
func (l *load) memory() (rows []row) {
	if len(l.weights) == 0 {
		return nil
	}
	first, last := l.weights[0], l.weights[len(l.weights)-1]
	var marks []string
	for _, m := range l.weights {
		marks = append(marks, fmt.Sprint(m.asleep))
	}
	at := " MB at " + strings.Join(marks, "/") + " asleep"
	limits := map[string]int{}
	for _, bill := range l.Runtime.Bills() {
		limits[bill.Function] = bill.Memory
	}
	for _, function := range slices.Sorted(maps.Keys(first.functions)) {
		bound := min(int64(flatTimes*float64(first.functions[function]))+flatPlus, int64(limits[function])<<20)
		var grown []string
		for _, m := range l.weights {
			grown = append(grown, fmt.Sprint(m.functions[function]>>20))
		}
		r := most(function+","+at, last.functions[function]>>20, bound>>20, "take a heap profile of the function: it keeps something of each event")
		r.measured = strings.Join(grown, "/")
		rows = append(rows, r)
	}
	var grown []string
	for _, m := range l.weights {
		grown = append(grown, fmt.Sprint(m.runner>>20))
	}
	bound := first.runner + int64(last.asleep-first.asleep)*perSandbox + flatPlus
	r := most("runner,"+at, last.runner>>20, bound>>20, "take a heap profile of the runner: local/e2bsim and local/sqssim keep what they were told")
	r.measured = strings.Join(grown, "/")
	return append(rows, r)
}

// left are the rows about what the runner still holds when everything has ended.
func (l *load) left(ctx context.Context, before held) []row {
	deadline := time.Now().Add(calm)
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		now := holds()
		rows := []row{
			most(fmt.Sprintf("goroutines of the runner, %d before", before.goroutines), int64(now.goroutines), int64(before.goroutines+slack),
				"something started for each job does not end"),
			most(fmt.Sprintf("files that the runner has open, %d before", before.files), int64(now.files), int64(before.files+slack),
				"something opened for each job is not closed: ls -l /proc/<pid>/fd"),
		}
		if len(broken(rows)) == 0 || time.Now().After(deadline) {
			return rows
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return rows
		}
	}
}
