package wake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// lookEvery is the time between two looks at a preview that does not answer.
const lookEvery = 250 * time.Millisecond

// awaitApp waits until the app answers, and starts its server anew if that is dead.
// It goes on from what the folders of the server's steps say, so another call
// can take over at any point.
func (w *wake) awaitApp(ctx context.Context) error {
	for {
		probe := w.E2B.Probe(ctx, w.j.PreviewURL)
		w.preview = probe.Detail
		if probe.Ready() {
			return nil
		}
		err := w.tend(ctx)
		if errors.Is(err, errNoServer) || errors.Is(err, job.ErrConflict) {
			return err
		}
		if ctx.Err() == nil { // else the time cut them short
			w.failing = err == nil && probe.Answered()
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			if w.failing { // its own failure is all that a wake can bring back
				return nil
			}
			return errors.Join(errUnfinished, err)
		}
	}
}

// tend looks whether the newest step of the server runs, and starts the next
// one if it does not.
func (w *wake) tend(ctx context.Context) error {
	if w.j.Plan.Start == "" {
		return nil
	}
	if w.server == "" {
		if err := w.findServer(ctx); err != nil {
			return err
		}
	}
	p, err := w.envd.ReadStep(ctx, w.server, 0, 0)
	if err != nil {
		return fmt.Errorf("look at %s: %w", w.step, err)
	}
	if p.Phase == envd.StepRunning {
		return nil
	}
	next, ok := w.step.Next(w.j.Epoch, w.j.Plan.Install != "")
	if !ok {
		return errNoServer
	}
	return w.start(ctx, next)
}

// findServer finds the server's step that was started last: the job's own, else the
// one of another job that serves its app.
func (w *wake) findServer(ctx context.Context) error {
	step, own, err := w.envd.NewestServer(ctx, w.j.ID, w.j.CreateNo)
	if err != nil {
		return fmt.Errorf("find server: %w", err)
	}
	w.step, w.server = step, w.dir(step)
	if !own && w.j.Plan.ServedBy != "" {
		w.server = w.j.Plan.ServedBy
	}
	return nil
}

// start replaces what is left of the newest step by the next one. Whoever else
// does the same starts nothing twice.
func (w *wake) start(ctx context.Context, next envd.ServerStep) error {
	j, err := w.Store.ExtendResume(ctx, w.j)
	if err != nil {
		return fmt.Errorf("extend resume: %w", err)
	}
	w.j = j
	env, err := w.Sealer.Open(ctx, j.ID, j.EnvSealed)
	if err != nil {
		return fmt.Errorf("%w: open environment: %w", errNoServer, err)
	}
	if err := w.envd.StopStep(ctx, w.server); err != nil {
		return fmt.Errorf("stop %s: %w", w.step, err)
	}
	command := j.Plan.Server()
	if next.Stage == envd.ServerInstall {
		command = j.Plan.Install
	}
	if err := w.envd.StartStep(ctx, envd.Step{
		Dir: w.dir(next), Command: command, Cwd: job.Workspace, Env: j.Plan.Environment(env, w.E2B.Domain()),
	}); err != nil {
		return fmt.Errorf("start %s: %w", next, err)
	}
	w.step, w.server = next, w.dir(next)
	return nil
}

func (w *wake) dir(s envd.ServerStep) string { return envd.StepDir(w.j.ID, w.j.CreateNo, s.String()) }
