package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/eventsource"
	"siesta/local/sqssim"
	"siesta/local/stack"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

const (
	// long is how long the build's install takes.
	long = 40 * time.Minute
	// doneFile ends the install.
	doneFile = "done"
)

// build counts what Lambda bills for a build of 40 minutes, which pass on every
// clock but the machine's.
func (b *bench) build(ctx context.Context) ([]row, error) {
	s, err := b.open(ctx, func(c *stack.Config) { c.E2B, c.Clock = b.processes, true })
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
	mappings := []eventsource.Mapping{s.mapping(s.SQS.Queue("BuildQueue"), "build"), s.mapping(s.SQS.Queue("PauseQueue"), "pause")}
	defer poll(ctx, mappings...)()
	id, err := s.submit(ctx, b.request("until [ -e "+doneFile+" ]; do sleep 0.1; done"))
	if err != nil {
		return nil, err
	}
	if err := s.passLong(ctx, id); err != nil {
		return nil, err
	}
	j, err := s.store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !j.SandboxPaused {
		return nil, s.failed("the build ended as %s (%s), sandbox %s", j.Status, j.ErrorMessage, j.SandboxState)
	}
	sandbox, _ := s.E2B.Sandbox(j.SandboxID)
	var billed time.Duration
	turns := 0
	for _, bill := range s.Runtime.Bills() {
		switch bill.Function {
		case "build":
			turns = bill.Invocations
			billed += bill.Billed
		case "pause":
			billed += bill.Billed
		}
	}
	const most = 15 * time.Second
	return []row{{
		what: "40-minute build", measured: short(billed) + " of Lambda", floor: fmt.Sprintf("%.0f s of sandbox", sandbox.Bill.Seconds),
		ratio: fmt.Sprintf("%.2g%%", 100*billed.Seconds()/sandbox.Bill.Seconds), budget: "< " + short(most), over: billed >= most,
		note: fmt.Sprintf("%d turns and their pause made %d calls to E2B and its sandbox; within budget as long as one takes less than %s more than here",
			turns, calls.Load(), short(max(most-billed, 0)/time.Duration(max(calls.Load(), 1)))),
	}}, nil
}

// passLong lets time pass from one turn to the next until the job has no
// message left.
func (s *system) passLong(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	done := false
	for passed := time.Duration(0); ; {
		for _, queue := range []string{"BuildQueue", "PauseQueue"} { // a turn's READY message comes before its own end
			if err := s.SQS.Wait(ctx, queue, func(n sqssim.Stats) bool { return n.Visible+n.InFlight == 0 }); err != nil {
				return s.failed("wait for a turn's end: %w", err)
			}
		}
		next := s.SQS.Messages("BuildQueue")
		if len(next) == 0 {
			return nil
		}
		if passed >= long && !done {
			if err := s.endInstall(ctx, id); err != nil {
				return err
			}
			done = true
		}
		step := max(next[0].VisibleAt.Sub(s.SQS.Now()), 0)
		passed += step
		if err := s.Postgres.Advance(ctx, step); err != nil {
			return err
		}
		if err := s.E2B.Advance(ctx, step); err != nil {
			return err
		}
		s.SQS.Advance(step)
	}
}

// endInstall makes the file that the install waits for.
func (s *system) endInstall(ctx context.Context, id string) error {
	j, err := s.store.Get(ctx, id)
	if err != nil {
		return err
	}
	sandbox, err := s.e2b.Get(ctx, j.SandboxID)
	if err != nil {
		return err
	}
	return envd.Of(s.e2b, sandbox).Upload(ctx, job.Workspace, func(yield func(envd.File, error) bool) {
		yield(envd.File{Name: doneFile, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(nil)), nil }}, nil)
	})
}
