package envd

import (
	"fmt"
	"os"
	"syscall"

	"github.com/creack/pty"

	"siesta/shared/e2b/envd/envdpb"
)

// wrapper runs a command as envd does: through nice, which is also what
// complains about a command that is not there, with exit code 127. Before that
// it puts the command in front of pid 1 for the kernel's out-of-memory killer.
const wrapper = `{ echo 500 >/proc/$$/oom_score_adj; } 2>/dev/null; exec /usr/bin/nice -n 0 "$@"`

// launch starts a command with pipes or a terminal and begins to follow it.
// before is called with the process when nothing of it can have been seen yet.
func (c Config) launch(req *envdpb.StartRequest, before func(*process)) (*process, func(), error) {
	config := req.GetProcess()
	cwd, err := c.resolve(config.GetCwd())
	if err != nil {
		return nil, nil, err
	}
	if info, err := os.Stat(cwd); err != nil {
		return nil, nil, fmt.Errorf("cwd '%s' does not exist", cwd)
	} else if !info.IsDir() {
		return nil, nil, fmt.Errorf("cwd '%s' is not a directory", cwd)
	}
	p := &process{config: config, tag: req.Tag, listeners: map[*listener]struct{}{}, done: make(chan struct{})}
	inner, wraps, err := p.open(req)
	if err != nil {
		p.closeAll()
		return nil, nil, err
	}
	before(p)
	attr := &os.ProcAttr{Dir: cwd, Env: c.environment(config), Files: inner}
	if p.terminal != nil {
		attr.Sys = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	argv := []string{"sh", "-c", wrapper, "sh", c.local(config.GetCmd())}
	for _, arg := range config.GetArgs() {
		argv = append(argv, c.local(arg))
	}
	pid, wait, err := c.Spawn("/bin/sh", argv, attr)
	for _, file := range inner {
		file.Close()
	}
	if err != nil {
		p.closeAll()
		return nil, nil, fmt.Errorf("error starting process '%s': %w", config.GetCmd(), err)
	}
	p.pid = pid
	return p, func() { p.follow(wait, wraps) }, nil
}

// open makes the process's ends of its input and output, and keeps our own.
func (p *process) open(req *envdpb.StartRequest) (inner []*os.File, wraps []func([]byte) *envdpb.ProcessEvent_DataEvent, err error) {
	if req.Pty != nil {
		outer, tty, err := pty.Open()
		if err != nil {
			return nil, nil, fmt.Errorf("error starting pty: %w", err)
		}
		p.terminal, p.output = outer, []*os.File{outer}
		return []*os.File{tty, tty, tty}, wrapPty, resize(outer, req.GetPty().GetSize())
	}
	inner = make([]*os.File, 3)
	if req.Stdin == nil || req.GetStdin() {
		inner[0], p.stdin, err = os.Pipe()
	} else {
		inner[0], err = os.Open(os.DevNull)
	}
	for i := 1; i < 3 && err == nil; i++ {
		var from *os.File
		from, inner[i], err = os.Pipe()
		p.output = append(p.output, from)
	}
	if err != nil {
		for _, file := range inner {
			file.Close()
		}
	}
	return inner, wrapPipes, err
}

var wrapPipes = []func([]byte) *envdpb.ProcessEvent_DataEvent{
	func(b []byte) *envdpb.ProcessEvent_DataEvent {
		return &envdpb.ProcessEvent_DataEvent{Output: &envdpb.ProcessEvent_DataEvent_Stdout{Stdout: b}}
	},
	func(b []byte) *envdpb.ProcessEvent_DataEvent {
		return &envdpb.ProcessEvent_DataEvent{Output: &envdpb.ProcessEvent_DataEvent_Stderr{Stderr: b}}
	},
}

var wrapPty = []func([]byte) *envdpb.ProcessEvent_DataEvent{
	func(b []byte) *envdpb.ProcessEvent_DataEvent {
		return &envdpb.ProcessEvent_DataEvent{Output: &envdpb.ProcessEvent_DataEvent_Pty{Pty: b}}
	},
}

func resize(terminal *os.File, size *envdpb.PTY_Size) error {
	if size == nil {
		return nil
	}
	return pty.Setsize(terminal, &pty.Winsize{Cols: uint16(size.GetCols()), Rows: uint16(size.GetRows())})
}

func (p *process) closeAll() {
	for _, file := range p.output {
		file.Close()
	}
	p.closeInput()
}

// environment is what a command finds: nothing is inherited from envd but PATH.
func (c Config) environment(config *envdpb.ProcessConfig) []string {
	env := []string{"PATH=" + c.Path, "HOME=" + c.Home, "USER=" + c.User, "LOGNAME=" + c.User, "E2B_SANDBOX=true"}
	for _, vars := range []map[string]string{c.Env, config.GetEnvs()} {
		for name, value := range vars {
			env = append(env, name+"="+c.local(value))
		}
	}
	return env
}
