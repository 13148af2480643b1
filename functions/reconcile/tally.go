package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"siesta/shared/metrics"
)

// rule is a kind of thing that reconcile puts right. Its name is part of those of
// the numbers in a run's line.
type rule string

// The rules, in the order of docs/lifecycle.md.
const (
	latePauses     rule = "late_pauses"     // a preview runs past its due time
	abandonedOps   rule = "abandoned_ops"   // a pause or resume has no owner any more
	abandonedTurns rule = "abandoned_turns" // nobody builds an unfinished job
	overdueJobs    rule = "overdue_jobs"    // one of those is past its deadline
	dueSchedules   rule = "due_schedules"   // a scheduled job's day has come
	orphans        rule = "orphans"         // a sandbox of ours belongs to no job
	woken          rule = "woken"           // somebody outside woke a sandbox
	missing        rule = "missing"         // E2B does not know a row's sandbox
	staleCache     rule = "stale_cache"     // the cache is behind a row
	surplus        rule = "surplus"         // a version sleeps behind enough younger ones
	codeLeft       rule = "code_left"       // the code of a deleted version is kept
)

var rules = []rule{latePauses, abandonedOps, abandonedTurns, overdueJobs, dueSchedules, orphans, woken, missing, staleCache, surplus, codeLeft}

// count is what a run found by one rule, how much of it is put right by what
// the run did, and of how much it is not known.
type count struct {
	Found   int `json:"found"`
	Healed  int `json:"healed"`
	Unknown int `json:"unknown"`
}

// report is what a run answers.
type report struct {
	Rules       map[rule]count `json:"rules"`
	FailedParts []string       `json:"failed_parts"`
}

// tally counts. Its methods may be called from many goroutines.
type tally struct {
	mu     sync.Mutex
	counts map[rule]*count
	parts  []string
}

func newTally() *tally {
	t := &tally{counts: map[rule]*count{}, parts: []string{}}
	for _, r := range rules {
		t.counts[r] = &count{}
	}
	return t
}

func (t *tally) add(r rule, found, healed, unknown int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts[r]
	c.Found, c.Healed, c.Unknown = c.Found+found, c.Healed+healed, c.Unknown+unknown
}

func (t *tally) found(r rule, n int) { t.add(r, n, 0, 0) }
func (t *tally) healed(r rule)       { t.add(r, 0, 1, 0) }
func (t *tally) unknown(r rule)      { t.add(r, 0, 0, 1) }

// partFailed notes a part of the run that could not be done.
func (t *tally) partFailed(part string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts = append(t.parts, part)
}

func (t *tally) report() report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := report{Rules: map[rule]count{}, FailedParts: slices.Clone(t.parts)}
	for _, name := range rules {
		r.Rules[name] = *t.counts[name]
	}
	return r
}

// shown are the rules of which CloudWatch makes metrics: what a run has found, each
// a break of a promise or the trace of a crash.
var shown = map[rule]metrics.Name{
	latePauses: metrics.LatePauses, abandonedOps: metrics.AbandonedOps, abandonedTurns: metrics.AbandonedTurns,
	orphans: metrics.Orphans, woken: metrics.Woken, missing: metrics.Missing,
}

// tell writes the run's one line of numbers.
func (h *handler) tell(ctx context.Context, r report, took time.Duration) {
	attrs := []slog.Attr{slog.Int64("took_ms", took.Milliseconds())}
	for _, name := range rules {
		c := r.Rules[name]
		attrs = append(attrs, slog.Int(string(name)+"_found", c.Found), slog.Int(string(name)+"_healed", c.Healed), slog.Int(string(name)+"_unknown", c.Unknown))
		if metric, ok := shown[name]; ok {
			metrics.Count(ctx, metric, c.Found)
		}
	}
	metrics.Count(ctx, metrics.FailedParts, len(r.FailedParts))
	metrics.Write(ctx, h.log, "reconcile", attrs...)
}
