package envd

import (
	"context"
	"fmt"
	"syscall"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
	"siesta/shared/job"
)

// Command is a short command. Its environment does not show in a process list,
// its arguments do.
type Command struct {
	Path string
	Args []string // without the command's own name
	Env  map[string]string
	Dir  string // "" is the user's home
}

// Result is how a command ended.
type Result struct {
	ExitCode int // -1: killed by a signal
	Stdout   []byte
	Stderr   []byte
}

// Process is a running process that was started through envd.
type Process struct {
	PID  int
	Path string
	Args []string
}

// Run runs a command to its end and returns what it wrote, maxOutput bytes at
// most. When ctx is over the command is abandoned, and runs on. A command that
// does not exist exits with 127.
func (c *Client) Run(ctx context.Context, cmd Command, maxOutput int) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	op := "run " + cmd.Path
	config := &envdpb.ProcessConfig{Cmd: cmd.Path, Args: cmd.Args, Envs: cmd.Env}
	if cmd.Dir != "" {
		config.Cwd = &cmd.Dir
	}
	stdin := false
	stream, err := c.process.Start(ctx, connect.NewRequest(&envdpb.StartRequest{Process: config, Stdin: &stdin}))
	if err != nil {
		return Result{}, failure(op, err)
	}
	defer stream.Close()
	var result Result
	for stream.Receive() {
		event := stream.Msg().GetEvent()
		result.Stdout = append(result.Stdout, event.GetData().GetStdout()...)
		result.Stderr = append(result.Stderr, event.GetData().GetStderr()...)
		if len(result.Stdout)+len(result.Stderr) > maxOutput {
			return Result{}, &Error{Op: op, kind: job.ErrUnknownOutcome, cause: fmt.Errorf("over %d bytes of output", maxOutput)}
		}
		if end := event.GetEnd(); end != nil {
			result.ExitCode = int(end.GetExitCode())
			stream.Receive() // the stream's own end, so that the connection serves the next call too
			return result, nil
		}
	}
	if err := stream.Err(); err != nil {
		return Result{}, failure(op, err)
	}
	return Result{}, &Error{Op: op, kind: job.ErrUnknownOutcome, cause: fmt.Errorf("stream ended before the command")}
}

// Processes lists what was started through envd and still runs.
func (c *Client) Processes(ctx context.Context) ([]Process, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	resp, err := c.process.List(ctx, connect.NewRequest(&envdpb.ListRequest{}))
	if err != nil {
		return nil, failure("list processes", err)
	}
	var list []Process
	for _, p := range resp.Msg.GetProcesses() {
		list = append(list, Process{int(p.GetPid()), p.GetConfig().GetCmd(), p.GetConfig().GetArgs()})
	}
	return list, nil
}

// Signal sends SIGTERM or SIGKILL to one process that was started through
// envd, never to its children. fs.ErrNotExist: no such process.
func (c *Client) Signal(ctx context.Context, pid int, signal syscall.Signal) error {
	op := fmt.Sprintf("signal process %d", pid)
	signals := map[syscall.Signal]envdpb.Signal{
		syscall.SIGTERM: envdpb.Signal_SIGNAL_SIGTERM,
		syscall.SIGKILL: envdpb.Signal_SIGNAL_SIGKILL,
	}
	sig, ok := signals[signal]
	if !ok || pid <= 0 {
		return &Error{Op: op, kind: job.ErrSandboxRefused, cause: fmt.Errorf("envd takes no %v for it", signal)}
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	selector := &envdpb.ProcessSelector{Selector: &envdpb.ProcessSelector_Pid{Pid: uint32(pid)}}
	_, err := c.process.SendSignal(ctx, connect.NewRequest(&envdpb.SendSignalRequest{Process: selector, Signal: sig}))
	return failure(op, err)
}
