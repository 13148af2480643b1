package wake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
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

// step is one of the steps by which a server is started. Its zero value is the
// build's own start.
type step struct {
	epoch int // the wake that started it; 0: the build
	stage stage
}

// stage is how far a wake has gone to bring the server back. A later one comes
// only after the earlier ones have ended.
type stage int

const (
	start   stage = iota // the start command
	install              // it ended: the install command
	again                // that ended: the start command once more
)

// String is the step's name in the sandbox.
func (s step) String() string {
	switch {
	case s.stage == install:
		return fmt.Sprintf("install-%d", s.epoch)
	case s.stage == again:
		return fmt.Sprintf("start-%db", s.epoch)
	case s.epoch > 0:
		return fmt.Sprintf("start-%d", s.epoch)
	default:
		return "start"
	}
}

var stepName = regexp.MustCompile(`^(start|install)-([1-9][0-9]{0,8})(b?)$`)

// parseStep reads a step's name; false: it is none of a server's steps.
func parseStep(name string) (step, bool) {
	if name == (step{}).String() {
		return step{}, true
	}
	m := stepName.FindStringSubmatch(name)
	if m == nil || m[1] == "install" && m[3] != "" {
		return step{}, false
	}
	s := step{}
	s.epoch, _ = strconv.Atoi(m[2]) // digits only
	switch {
	case m[1] == "install":
		s.stage = install
	case m[3] != "":
		s.stage = again
	}
	return s, true
}

func (s step) compare(t step) int {
	return cmp.Or(cmp.Compare(s.epoch, t.epoch), cmp.Compare(s.stage, t.stage))
}

// next is the step of a wake after s has ended; false: there is nothing more to
// try.
func (s step) next(epoch int, installs bool) (step, bool) {
	switch {
	case s.stage == install:
		return step{s.epoch, again}, true
	case s.epoch < epoch:
		return step{epoch, start}, true
	case s.stage == start && installs:
		return step{epoch, install}, true
	default:
		return step{}, false
	}
}

// tend looks whether the newest step of the server runs, and starts the next
// one if it does not.
func (w *wake) tend(ctx context.Context) error {
	if w.j.Plan.Start == "" {
		return nil
	}
	if w.step == (step{}) {
		var err error
		if w.step, err = w.newestStep(ctx); err != nil {
			return err
		}
	}
	p, err := w.envd.ReadStep(ctx, w.dir(w.step), 0, 0)
	if err != nil {
		return fmt.Errorf("look at %s: %w", w.step, err)
	}
	if p.Phase == envd.StepRunning {
		return nil
	}
	next, ok := w.step.next(w.j.Epoch, w.j.Plan.Install != "")
	if !ok {
		return errNoServer
	}
	return w.start(ctx, next)
}

// start replaces what is left of the newest step by the next one. Whoever else
// does the same starts nothing twice.
func (w *wake) start(ctx context.Context, next step) error {
	j, err := w.Store.ExtendResume(ctx, w.j)
	if err != nil {
		return fmt.Errorf("extend resume: %w", err)
	}
	w.j = j
	env, err := w.Sealer.Open(ctx, j.ID, j.EnvSealed)
	if err != nil {
		return fmt.Errorf("%w: open environment: %w", errNoServer, err)
	}
	if err := w.envd.StopStep(ctx, w.dir(w.step)); err != nil {
		return fmt.Errorf("stop %s: %w", w.step, err)
	}
	command := j.Plan.Server()
	if next.stage == install {
		command = j.Plan.Install
	}
	if err := w.envd.StartStep(ctx, envd.Step{
		Dir: w.dir(next), Command: command, Cwd: job.Workspace, Env: j.Plan.Environment(env, w.E2B.Domain()),
	}); err != nil {
		return fmt.Errorf("start %s: %w", next, err)
	}
	w.step = next
	return nil
}

// newestStep is the server's step that was started last.
func (w *wake) newestStep(ctx context.Context) (step, error) {
	names, err := w.envd.List(ctx, path.Dir(w.dir(step{})))
	if errors.Is(err, fs.ErrNotExist) {
		return step{}, nil
	}
	if err != nil {
		return step{}, fmt.Errorf("list steps: %w", err)
	}
	var newest step
	for _, name := range names {
		name, ours := strings.CutPrefix(name, strconv.Itoa(w.j.CreateNo)+"-")
		if s, ok := parseStep(name); ours && ok && s.compare(newest) > 0 {
			newest = s
		}
	}
	return newest, nil
}

func (w *wake) dir(s step) string { return envd.StepDir(w.j.ID, w.j.CreateNo, s.String()) }
