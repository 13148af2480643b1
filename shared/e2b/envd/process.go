package envd

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd/envdpb"
)

// Command is a short command, run in the user's home. Its environment does not
// show in a process list, its arguments do.
type Command struct {
	Path string
	Args []string // without the command's own name
	Env  map[string]string
}

// Result is how a command ended.
type Result struct {
	ExitCode int // -1: killed by a signal
	Stdout   []byte
	Stderr   []byte
}

// closeTime is how long a stream that has told its end may stay open.
const closeTime = 200 * time.Millisecond

// Run runs a command to its end and returns what it wrote, maxOutput bytes at
// most. When ctx is over the command is abandoned, and runs on. A command that
// does not exist exits with 127. e2b.ErrNoProcess: it was not started.
func (c *Client) Run(ctx context.Context, cmd Command, maxOutput int) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	op := "run " + cmd.Path
	config := &envdpb.ProcessConfig{Cmd: cmd.Path, Args: cmd.Args, Envs: cmd.Env}
	stdin := false
	stream, err := c.process.Start(ctx, connect.NewRequest(&envdpb.StartRequest{Process: config, Stdin: &stdin}))
	if err != nil {
		return Result{}, startFailure(op, err)
	}
	defer stream.Close()
	var result Result
	for stream.Receive() {
		event := stream.Msg().GetEvent()
		result.Stdout = append(result.Stdout, event.GetData().GetStdout()...)
		result.Stderr = append(result.Stderr, event.GetData().GetStderr()...)
		if len(result.Stdout)+len(result.Stderr) > maxOutput {
			return Result{}, broken(op, e2b.ErrUnknown, fmt.Errorf("over %d bytes of output", maxOutput))
		}
		if end := event.GetEnd(); end != nil {
			result.ExitCode = int(end.GetExitCode())
			// The stream's own end, so that the connection serves the next call too.
			// Who keeps it back has told what there is to know.
			late := time.AfterFunc(closeTime, cancel)
			defer late.Stop()
			stream.Receive()
			return result, nil
		}
	}
	if err := stream.Err(); err != nil {
		return Result{}, startFailure(op, err)
	}
	return Result{}, broken(op, e2b.ErrUnknown, fmt.Errorf("stream ended before the command"))
}

// startFailure is failure of a start: what envd then has no more of is processes.
func startFailure(op string, err error) error {
	if connect.IsWireError(err) && connect.CodeOf(err) == connect.CodeResourceExhausted {
		return broken(op, e2b.ErrNoProcess, err)
	}
	return failure(op, err)
}
