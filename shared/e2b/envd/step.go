package envd

import (
	"bytes"
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"siesta/shared/e2b"
)

// root is the folder of our own files in a sandbox.
const root = "/home/user/.siesta"

var (
	//go:embed step_start.sh
	startScript string
	//go:embed step_await.sh
	awaitScript string
	//go:embed step_read.sh
	readScript string
	//go:embed step_stop.sh
	stopScript string
)

// maxRead is the most of a step's output that one look reads.
const maxRead = 1 << 20

// Step is a command that runs at most once, however often it is started, and
// that nobody waits for. Its output, pid and exit code are files in Dir; of much
// output the first 8 MiB and the last 7 or more are kept.
type Step struct {
	Dir     string            // from StepDir
	Command string            // for bash, as a log-on shell
	Cwd     string            // made if it is missing
	Env     map[string]string // the command's alone; shows in no process list
}

// StepDir is the folder of one step of a job's sandbox.
func StepDir(jobID string, createNo int, step string) string {
	return fmt.Sprintf("%s/%s/%d-%s", root, jobID, createNo, step)
}

// Phase is where a step is.
type Phase string

const (
	// StepNone: it was never started in this sandbox.
	StepNone Phase = "none"
	// StepRunning: its command runs, or is about to.
	StepRunning Phase = "running"
	// StepExited: its command ended, and the output is complete. Processes that
	// it left in the background may still run.
	StepExited Phase = "exited"
	// StepDied: it was started and is no more, and its exit code is unknown:
	// it was killed as a whole, or the sandbox booted anew.
	StepDied Phase = "died"
	// StepLost: the sandbox has none of our files any more, so nobody knows.
	StepLost Phase = "lost"
)

// Progress is what one look at a step finds.
type Progress struct {
	Phase    Phase
	ExitCode int    // of an exited step; 128+n when signal n killed it
	From     int64  // where Output begins: past what was asked for if that is not kept
	Output   []byte // stdout and stderr, any bytes, cut anywhere
	Next     int64  // where to read on
	Size     int64  // of all its output so far
}

// StartStep starts a step in a session of its own, unless it was started
// before: so it may be repeated after any error. It returns once the step has a
// pid. e2b.ErrNoSpace, e2b.ErrBlocked: its folder or Cwd cannot be made.
func (c *Client) StartStep(ctx context.Context, s Step) error {
	_, err := c.startStep(ctx, s, startScript, 0)
	return err
}

// RunStep is StartStep, a wait for the step's end, for up to patience, and ReadStep
// (TailStep for a negative offset), in one call. Of a step that was started before it
// waits for nothing; began is false then.
func (c *Client) RunStep(ctx context.Context, s Step, patience time.Duration, offset int64, limit int) (p Progress, began bool, err error) {
	if limit < 0 || limit > maxRead {
		return Progress{}, false, errLimit(limit)
	}
	text := "began=$(\n" + startScript + ") || exit\n" + awaitScript + readScript
	out, err := c.startStep(ctx, s, text, limit, strconv.FormatInt(patience.Milliseconds()/10, 10), strconv.FormatInt(offset, 10), strconv.Itoa(limit))
	if err != nil {
		return Progress{}, false, err
	}
	out, began = bytes.CutPrefix(out, []byte("began\n"))
	if p, err = parseProgress(out); err != nil {
		return Progress{}, false, broken("start step", e2b.ErrUnknown, err)
	}
	return p, began, nil
}

func (c *Client) startStep(ctx context.Context, s Step, text string, limit int, args ...string) ([]byte, error) {
	if !path.IsAbs(s.Cwd) {
		return nil, broken("start step", e2b.ErrRefused, fmt.Errorf("%q is no absolute path", s.Cwd))
	}
	env := make(map[string]string, len(s.Env))
	for name, value := range s.Env {
		env[envPrefix+name] = value
	}
	return c.script(ctx, "start step", text, env, limit, s.Dir, append([]string{s.Cwd, s.Command}, args...)...)
}

// envPrefix keeps a step's variables from the shells that start it.
const envPrefix = "SIESTA_ENV_"

// ReadStep looks at a step once, and reads up to limit bytes of its output from
// offset on.
func (c *Client) ReadStep(ctx context.Context, dir string, offset int64, limit int) (Progress, error) {
	if offset < 0 {
		return Progress{}, fmt.Errorf("read step: offset %d is below 0", offset)
	}
	return c.readStep(ctx, dir, offset, limit)
}

// TailStep is ReadStep for the last limit bytes of the output.
func (c *Client) TailStep(ctx context.Context, dir string, limit int) (Progress, error) {
	return c.readStep(ctx, dir, -1, limit)
}

func (c *Client) readStep(ctx context.Context, dir string, offset int64, limit int) (Progress, error) {
	if limit < 0 || limit > maxRead {
		return Progress{}, errLimit(limit)
	}
	out, err := c.script(ctx, "read step", readScript, nil, limit, dir, strconv.FormatInt(offset, 10), strconv.Itoa(limit))
	if err != nil {
		return Progress{}, err
	}
	p, err := parseProgress(out)
	if err != nil {
		return Progress{}, broken("read step", e2b.ErrUnknown, err)
	}
	return p, nil
}

func errLimit(limit int) error {
	return fmt.Errorf("read step: limit %d is not between 0 and %d", limit, maxRead)
}

// StopStep ends all processes of a step: TERM, 5 s later KILL. It returns when
// they are gone; a step that does not run is fine.
func (c *Client) StopStep(ctx context.Context, dir string) error {
	_, err := c.script(ctx, "stop step", stopScript, nil, 0, dir)
	return err
}

// script runs one of our scripts on a folder of ours.
func (c *Client) script(ctx context.Context, op, text string, env map[string]string, maxOutput int, dir string, args ...string) ([]byte, error) {
	if !strings.HasPrefix(dir, root+"/") || path.Clean(dir) != dir {
		return nil, broken(op, e2b.ErrRefused, fmt.Errorf("%q is not below %s", dir, root))
	}
	const noise = 4 << 10 // a status line, and what the shell has to say
	cmd := Command{Path: "/bin/bash", Args: append([]string{"-c", text, "siesta", dir}, args...), Env: env}
	result, err := c.Run(ctx, cmd, maxOutput+noise)
	if err != nil {
		return nil, failure(op, err)
	}
	if result.ExitCode != 0 {
		said := strings.TrimSpace(string(result.Stderr))
		return nil, e2b.InsideError(op, 0, said, scriptKind(result.ExitCode), fmt.Errorf("exit code %d", result.ExitCode))
	}
	return result.Stdout, nil
}

// How our scripts end when they cannot do their work; bash itself when it cannot
// fork.
const (
	exitNoSpace = 28
	exitBlocked = 20
	exitNoFork  = 254
)

// scriptKind is what the exit code of one of our scripts means.
func scriptKind(code int) error {
	switch code {
	case exitNoSpace:
		return e2b.ErrNoSpace
	case exitBlocked:
		return e2b.ErrBlocked
	case -1: // killed, maybe for want of memory
		return e2b.ErrUnknown
	case exitNoFork:
		return e2b.ErrNoProcess
	default:
		return e2b.ErrRefused
	}
}

// parseProgress reads what step_read.sh prints.
func parseProgress(out []byte) (Progress, error) {
	line, output, ok := bytes.Cut(out, []byte("\n"))
	fields := strings.Fields(string(line))
	if !ok || len(fields) != 4 {
		return Progress{}, errors.New("no status line")
	}
	p := Progress{Phase: Phase(fields[0]), Output: output}
	switch p.Phase {
	case StepNone, StepRunning, StepExited, StepDied, StepLost:
	default:
		return Progress{}, fmt.Errorf("unknown phase %.40q", fields[0])
	}
	var err1, err2, err3 error
	p.ExitCode, err1 = strconv.Atoi(fields[1])
	p.From, err2 = strconv.ParseInt(fields[2], 10, 64)
	p.Size, err3 = strconv.ParseInt(fields[3], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return Progress{}, err
	}
	if p.From < 0 || p.Size < 0 {
		return Progress{}, errors.New("negative offset")
	}
	p.Next = p.From + int64(len(output))
	return p, nil
}
