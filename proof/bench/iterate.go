package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"siesta/local/checkout"
	"siesta/local/demo"
	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

const (
	iterated     = "examples/vite-react"
	component    = "src/App.jsx"
	heading      = "Today" // of the component
	mostRollback = 2 * time.Second
	// resume is how long E2B says that it takes to bring a sandbox back
	// (docs.e2b.dev, "Sandbox persistence"); the simulator takes a tenth of that.
	resume, simulated = time.Second, 100 * time.Millisecond
)

// iterate holds an iteration of one file of a Vite app, with what the registry has
// installed, against the fresh build in the same round, and against the same change by
// hand in the same sandbox, which sleeps before either, and wakes in E2B's time; and
// measures how long a change whose check fails takes to be put back.
func (b *bench) iterate(ctx context.Context) ([]row, error) {
	app, err := demo.ReadApp(iterated)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(b.bin, "log"))
	if err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	defer log.Close()
	machine, err := checkout.Checkout{Root: ".", Getenv: b.getenv}.Config(log)
	if err != nil {
		return nil, err
	}
	s, err := b.open(ctx, func(c *stack.Config) { c.SandboxEnv = machine.SandboxEnv })
	if err != nil {
		return nil, err
	}
	defer s.Close()
	defer poll(ctx, s.mapping(late{s.SQS.Queue("BuildQueue")}, "build"), s.mapping(s.SQS.Queue("PauseQueue"), "pause"))()
	var calls atomic.Int64
	s.E2B.Observe(func(c e2bsim.Call) {
		if c.Phase == e2bsim.Received {
			calls.Add(1)
		}
	})
	r := iterations{counted: &calls}
	rounds := min(b.rounds, 6)
	for i := range rounds + 1 {
		if err := s.iterateOnce(ctx, app.Files(), &r); err != nil {
			return nil, err
		}
		if i == 0 { // it starts the processes
			r = iterations{before: s.billed("build"), counted: &calls}
		}
	}
	billed := (s.billed("build") - r.before) / time.Duration(rounds)
	return []row{
		times("one file of a Vite app, start to READY", r.fast.changed, r.fresh, 0.15, "against the fresh build in the same round; "+short(billed)+" of Lambda for both, a rebuild and a change that fails"),
		times("a rebuild of a Vite app, start to READY", r.rebuilt, r.fresh, 1.1, "from the code that was kept, against the fresh build in the same round"),
		times("one file of a Vite app, by hand", r.slow.changed, r.slow.byHand, 1.5, fmt.Sprintf("against connect, write, and looks until the server has the new text, "+
			"in a sandbox that wakes in E2B's %s; beside these the message, the claim, the marker, the copy aside, what the code is made of, and a look at the whole page: "+
			"%d calls in all. In one that wakes in %s it is %s against %s", short(resume), r.calls, short(simulated), r.fast.changed, r.fast.byHand)),
		{
			what: "failed check, to the version before", measured: r.back.String(), floor: "-", ratio: "-",
			budget: "<= " + short(mostRollback), over: r.back.median() > mostRollback, note: "from the check's failure; from the start it took " + r.failed.String(),
		},
	}, nil
}

// iterations are what the rounds took.
type iterations struct {
	before                       time.Duration // billed before them
	counted                      *atomic.Int64 // calls to E2B and sandboxes
	calls                        int64         // of the last change
	fresh, rebuilt, failed, back sample
	fast, slow                   bothWays // in a sandbox that wakes in the simulator's time, and in E2B's
}

// bothWays are what a change takes.
type bothWays struct{ byHand, changed sample }

// iterateOnce builds an app, and once more from its kept code, changes it by hand, by an iteration, and by one that fails.
func (s *system) iterateOnce(ctx context.Context, files map[string]job.File, r *iterations) error {
	request := job.Request{ProjectID: job.NewID(), Goal: "a page", Source: job.Source{Files: files}}
	first, took, _, err := s.ended(ctx, request, job.Ready)
	if err != nil {
		return err
	}
	r.fresh.add(took)
	if err := s.asleep(ctx, first); err != nil {
		return err
	}
	again, took, err := s.rebuilt(ctx, first)
	if err != nil {
		return err
	}
	r.rebuilt.add(took)
	if err := errors.Join(s.asleep(ctx, again), s.E2B.Vanish(ctx, again.SandboxID)); err != nil {
		return err
	}
	last := first
	for _, wakes := range []time.Duration{simulated, resume} {
		if last, err = s.changeBothWays(ctx, last, files[component].Content, wakes, r); err != nil {
			return err
		}
	}

	broken := "exit 1"
	request.PreviousJobID, request.Commands.Check = last.ID, &broken
	request.Source.Files = map[string]job.File{component: {Content: []byte("broken")}}
	third, took, failing, err := s.ended(ctx, request, job.Failed)
	if err != nil {
		return err
	}
	r.failed.add(took)
	r.back.add(third.CompletedAt.Sub(failing))
	return s.E2B.Vanish(ctx, first.SandboxID)
}

// changeBothWays changes the component of the newest version by hand, and by an iteration,
// which it returns, in a sandbox that takes so long to wake.
func (s *system) changeBothWays(ctx context.Context, last job.Job, content []byte, wakes time.Duration, r *iterations) (job.Job, error) {
	ways := &r.fast
	if wakes == resume {
		ways = &r.slow
	}
	slower := func() error {
		s.E2B.ClearFaults()
		_, err := s.E2B.AddFault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Delay, Delay: wakes - simulated})
		return err
	}
	titled := func(title string) []byte { return bytes.ReplaceAll(content, []byte(heading), []byte(title)) }
	if err := slower(); err != nil {
		return last, err
	}
	byHand := "By hand in " + wakes.String()
	began := time.Now()
	if err := s.changeByHand(ctx, last, titled(byHand), []byte(byHand)); err != nil {
		return last, err
	}
	ways.byHand.add(time.Since(began))
	if err := errors.Join(s.e2b.Pause(ctx, last.SandboxID), slower()); err != nil { // as the row says
		return last, err
	}
	request := job.Request{ProjectID: last.ProjectID, Goal: "another heading", PreviousJobID: last.ID}
	request.Source.Files = map[string]job.File{component: {Content: titled("Changed in " + wakes.String())}}
	calls := r.counted.Load()
	next, took, _, err := s.ended(ctx, request, job.Ready)
	if err != nil {
		return last, err
	}
	r.calls = r.counted.Load() - calls
	s.E2B.ClearFaults()
	if next.SandboxID != last.SandboxID {
		return last, s.failed("the iteration has a sandbox of its own")
	}
	ways.changed.add(took)
	return next, s.asleep(ctx, next)
}

// changeByHand writes the component of a job's sandbox, and returns when its server has it.
func (s *system) changeByHand(ctx context.Context, j job.Job, content, title []byte) error {
	box, _, err := s.e2b.Connect(ctx, j.SandboxID, time.Hour)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	files := func(yield func(envd.File, error) bool) { yield(envd.File{Name: component, Open: open}, nil) }
	if err := envd.Of(s.e2b, box).Upload(ctx, job.Workspace, files); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	for deadline := time.Now().Add(patience); ; {
		text, err := s.served(ctx, box, j.Plan.Port)
		if bytes.Contains(text, title) {
			return nil
		}
		if time.Now().After(deadline) {
			return s.failed("the server does not have the change: %v", err)
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// served is the component as the app's server has it.
func (s *system) served(ctx context.Context, box e2b.Sandbox, port int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.E2BSandboxURL+"/"+component, nil)
	if err != nil {
		return nil, err
	}
	_, req.Host, _ = strings.Cut(s.e2b.PreviewURL(box.ID, port), "://") // which not every resolver looks up on this machine
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
