package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/runtimeapi"
	"siesta/local/stack"
	"siesta/shared/job"
)

// pollEvery is how often a web page asks how its build is.
const pollEvery = 2 * time.Second

// use is what one thing takes of one function: calls, and the milliseconds that
// Lambda bills for them together.
type use struct {
	Calls        float64 `json:"calls"`
	Milliseconds float64 `json:"ms"`
}

// taken is what one thing takes, all in all.
type taken struct {
	Functions map[string]use `json:"functions"`
	E2BCalls  float64        `json:"e2b_calls"` // to the service and into its sandboxes
	Sandbox   float64        `json:"sandbox_seconds"`
	LogBytes  float64        `json:"log_bytes"` // that the functions write; without Lambda's own lines
	Metrics   int            `json:"metrics"`   // names of CloudWatch metrics in those lines
}

// heard is what the functions have written.
type heard struct {
	mu      sync.Mutex
	bytes   int
	metrics map[string]bool // names since the last take
}

func (h *heard) add(l runtimeapi.Line) {
	var line struct {
		AWS struct {
			CloudWatchMetrics []struct{ Metrics []struct{ Name string } }
		} `json:"_aws"`
	}
	_ = json.Unmarshal([]byte(l.Text), &line) // what is no JSON has no metrics
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bytes += len(l.Text) + 1
	for _, d := range line.AWS.CloudWatchMetrics {
		for _, m := range d.Metrics {
			h.metrics[m.Name] = true
		}
	}
}

// take returns what was heard since the last take.
func (h *heard) take() (bytes, metrics int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	bytes, metrics = h.bytes, len(h.metrics)
	h.bytes = 0
	clear(h.metrics)
	return bytes, metrics
}

// cost counts what one build of half a minute, one wake by its user and one run of
// reconcile take, warm: what docs/cost.md is made of.
func (b *bench) cost(ctx context.Context) ([]row, error) {
	said := &heard{metrics: map[string]bool{}}
	s, err := b.open(ctx, func(c *stack.Config) {
		c.E2B = b.processes
		log := c.Log
		c.Log = func(l runtimeapi.Line) { log(l); said.add(l) }
	})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var calls atomic.Int64
	s.E2B.Observe(func(c e2bsim.Call) {
		if c.Phase == e2bsim.Received {
			calls.Add(1)
		}
	})
	defer poll(ctx, s.mapping(late{s.SQS.Queue("BuildQueue")}, "build"), s.mapping(s.SQS.Queue("PauseQueue"), "pause"))()
	user := client.Client{URL: s.APIURL, Token: s.Token}
	rounds := min(b.rounds, 5)
	measured := map[string]*taken{"build": {}, "wake": {}, "reconcile": {}}
	for i := range rounds + 1 {
		var id string
		for _, part := range []struct {
			name string
			do   func() error
		}{
			{"build", func() (err error) { id, err = s.buildAndPoll(ctx, user, b.waits(20*time.Second)); return err }},
			{"wake", func() error { return s.wakeAndSleep(ctx, user, id) }},
			{"reconcile", func() error { _, err := s.Runtime.Invoke(ctx, "reconcile", []byte("{}")); return err }},
		} {
			before, called, billed := s.bills(), calls.Load(), s.E2B.Meter().Seconds
			if err := part.do(); err != nil {
				return nil, fmt.Errorf("%s: %w", part.name, err)
			}
			bytes, metrics := said.take()
			if i > 0 { // the first round starts the processes
				measured[part.name].add(before, s.bills(), rounds)
				measured[part.name].more(taken{
					E2BCalls: float64(calls.Load() - called), Sandbox: s.E2B.Meter().Seconds - billed, LogBytes: float64(bytes), Metrics: metrics,
				}, rounds)
			}
		}
	}
	return costRows(measured), b.keep(ctx, measured)
}

// buildAndPoll builds an app as a web page has it built, until it sleeps.
func (s *system) buildAndPoll(ctx context.Context, user client.Client, r job.Request) (string, error) {
	started, err := client.Wanted(http.StatusCreated)(user.Start(ctx, r, ""))
	if err != nil {
		return "", err
	}
	id := started.Told.JobID
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := pause(ctx, pollEvery); err != nil {
			return "", err
		}
		a, err := client.Wanted(http.StatusOK)(user.Status(ctx, id))
		if err != nil || a.Told.SandboxPaused {
			return id, err
		}
	}
	return "", s.failed("the build does not sleep")
}

// wakeAndSleep wakes a preview and puts it back to sleep.
func (s *system) wakeAndSleep(ctx context.Context, user client.Client, id string) error {
	for {
		a, err := client.Wanted(http.StatusOK, http.StatusAccepted)(user.Do(ctx, id, client.Resume))
		if err != nil {
			return err
		}
		if a.Code == http.StatusOK {
			break
		}
		if err := pause(ctx, max(a.RetryAfter, lookEvery)); err != nil {
			return err
		}
	}
	if _, err := client.Wanted(http.StatusAccepted)(user.Do(ctx, id, client.Snapshot)); err != nil {
		return err
	}
	j, err := s.store.Get(ctx, id)
	if err != nil {
		return err
	}
	return s.asleep(ctx, j)
}

// bills are what functions have been billed so far.
func (s *system) bills() map[string]use {
	uses := map[string]use{}
	for _, bill := range s.Runtime.Bills() {
		uses[bill.Function] = use{float64(bill.Invocations), float64(bill.Billed.Milliseconds())}
	}
	return uses
}

// add adds the share of one of so many rounds.
func (t *taken) add(before, after map[string]use, rounds int) {
	if t.Functions == nil {
		t.Functions = map[string]use{}
	}
	n := float64(rounds)
	for name, now := range after {
		if now.Calls > before[name].Calls {
			sum := t.Functions[name]
			t.Functions[name] = use{sum.Calls + (now.Calls-before[name].Calls)/n, sum.Milliseconds + (now.Milliseconds-before[name].Milliseconds)/n}
		}
	}
}

func (t *taken) more(one taken, rounds int) {
	n := float64(rounds)
	t.E2BCalls += one.E2BCalls / n
	t.Sandbox += one.Sandbox / n
	t.LogBytes += one.LogBytes / n
	t.Metrics = max(t.Metrics, one.Metrics)
}

func costRows(measured map[string]*taken) (rows []row) {
	for _, name := range slices.Sorted(maps.Keys(measured)) {
		var parts []string
		ms := 0.0
		for _, f := range slices.Sorted(maps.Keys(measured[name].Functions)) {
			u := measured[name].Functions[f]
			ms += u.Milliseconds
			parts = append(parts, fmt.Sprintf("%s %.1f calls, %.0f ms", f, u.Calls, u.Milliseconds))
		}
		rows = append(rows, row{
			what: "a " + name + ", all functions", measured: fmt.Sprintf("%.0f ms of Lambda", ms), floor: "-", ratio: "-", budget: "-",
			note: fmt.Sprintf("%s; %.0f calls to E2B and its sandbox", strings.Join(parts, "; "), measured[name].E2BCalls),
		})
	}
	return rows
}

// keep writes what was measured, for proof/cost, if a file is named.
func (b *bench) keep(ctx context.Context, measured map[string]*taken) error {
	if b.measured == "" {
		return nil
	}
	text, err := json.MarshalIndent(map[string]any{
		"command": "make cost", "date": time.Now().UTC().Format(time.DateOnly), "machine": machine(ctx), "poll_seconds": pollEvery.Seconds(), "takes": measured,
	}, "", "  ")
	if err != nil {
		return errors.Join(errors.New("encode what was measured"), err)
	}
	if err := os.WriteFile(b.measured, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("keep what was measured: %w", err)
	}
	return nil
}
