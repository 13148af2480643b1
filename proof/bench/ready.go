package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"siesta/local/stack"
	"siesta/proof/world"
	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// startTakes is how long the server of an app takes until it listens, as a fresh
// Vite does.
const startTakes = time.Second

// ready holds the time from a job's message to READY, its sandbox's creation and
// all hand-overs included, against the same commands by hand in a sandbox that is
// there. Both run side by side. How long the commands take stands for an install
// from a warm cache and for a longer one; it differs from round to round, so that
// no look comes just in time.
func (b *bench) ready(ctx context.Context) ([]row, error) {
	s, err := b.open(ctx, func(c *stack.Config) { c.E2B = b.processes })
	if err != nil {
		return nil, err
	}
	defer s.Close()
	defer poll(ctx, s.mapping(late{s.SQS.Queue("BuildQueue")}, "build"), s.mapping(s.SQS.Queue("PauseQueue"), "pause"))()
	var rows []row
	for _, c := range []struct {
		what    string
		install time.Duration
		rounds  int
		most    float64
	}{{"fresh Vite, start to READY", 2 * time.Second, 12, 1.15}, {"install of 20 s, start to READY", 20 * time.Second, 6, 1.05}} {
		var got, floor sample
		var before time.Duration
		rounds := min(b.rounds, c.rounds)
		for i := range rounds + 1 {
			install := c.install + time.Duration(rand.Int64N(int64(c.install/10)))
			if i == 0 {
				install = 0 // it starts the processes
			}
			one, other, err := s.sideBySide(ctx, b.waits(install))
			if err != nil {
				return nil, err
			}
			if i == 0 {
				before = s.billed("build")
				continue
			}
			got, floor = append(got, one), append(floor, other)
		}
		note := fmt.Sprintf("against the same commands by hand in a sandbox that is there; %s of Lambda each", short((s.billed("build")-before)/time.Duration(rounds)))
		rows = append(rows, times(c.what, got, floor, c.most, note))
	}
	return rows, nil
}

// waits is an app whose install takes so long.
func (b *bench) waits(install time.Duration) job.Request {
	r := b.request(fmt.Sprintf("sleep %.3f", install.Seconds()))
	start := fmt.Sprintf("sleep %.3f; %s", startTakes.Seconds(), world.AppCommand(b.self))
	r.Commands.Start = &start
	r.Source.Files = map[string]job.File{"index.html": {Content: []byte("<!DOCTYPE html><title>a page</title>")}}
	return r
}

// sideBySide builds a request, and does by hand what it asks for.
func (s *system) sideBySide(ctx context.Context, r job.Request) (built, byHand time.Duration, err error) {
	done := make(chan error, 1)
	sandbox, err := s.e2b.Create(ctx, e2b.Create{Template: "base", Timeout: time.Hour})
	if err != nil {
		return 0, 0, s.failed("create a sandbox for what is done by hand: %w", err)
	}
	go func() {
		var err error
		byHand, err = s.byHand(ctx, sandbox, r)
		done <- err
	}()
	built, err = s.built(ctx, r)
	if handErr := <-done; err == nil {
		err = handErr
	}
	if err == nil {
		err = s.e2b.Kill(ctx, sandbox.ID)
	}
	return built, byHand, err
}

const lookEvery = 20 * time.Millisecond

func (s *system) built(ctx context.Context, r job.Request) (time.Duration, error) {
	j, took, _, err := s.ended(ctx, r, job.Ready)
	if err != nil {
		return 0, err
	}
	return took, s.E2B.Vanish(ctx, j.SandboxID)
}

func (s *system) byHand(ctx context.Context, sandbox e2b.Sandbox, r job.Request) (time.Duration, error) {
	began := time.Now()
	inside := envd.Of(s.e2b, sandbox)
	run := func(name, command string) (envd.Step, error) {
		step := envd.Step{Dir: envd.StepDir("by-hand", 1, name), Command: command, Cwd: job.Workspace, Env: job.Plan{}.Environment(nil, s.e2b.Domain())}
		return step, inside.StartStep(ctx, step)
	}
	step, err := run("install", *r.Commands.Install)
	for err == nil {
		var p envd.Progress
		if p, err = inside.ReadStep(ctx, step.Dir, 0, 0); err == nil && p.Phase == envd.StepExited {
			break
		}
		if err == nil {
			err = pause(ctx, lookEvery)
		}
	}
	if err == nil {
		_, err = run("start", *r.Commands.Start)
	}
	for err == nil {
		if s.e2b.Probe(ctx, s.e2b.PreviewURL(sandbox.ID, job.DefaultPort)).Ready() {
			return time.Since(began), nil
		}
		err = pause(ctx, lookEvery)
	}
	return 0, fmt.Errorf("build by hand: %w", err)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// billed is what Lambda has billed for a function so far.
func (s *system) billed(function string) (sum time.Duration) {
	for _, bill := range s.Runtime.Bills() {
		if bill.Function == function {
			sum += bill.Billed
		}
	}
	return sum
}
