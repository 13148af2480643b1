// Package process runs servers that cannot outlive the process that started
// them, however it ends, and finds ports for them. Postgres and Redis run
// under it; it knows nothing of what they serve.
package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Process is a running server.
type Process struct {
	cmd    *exec.Cmd
	signal syscall.Signal
	output output
	done   chan struct{}
}

// janitor waits until it is told that the server has ended (a line) or until
// its parent has (end of file), then ends the server and removes the folder.
const janitor = `
pid=$1 signal=$2 dir=$3
if ! read -r _; then
	kill -"$signal" "$pid" 2>/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.2
	done
	kill -9 "$pid" 2>/dev/null
fi
[ -z "$dir" ] || rm -rf "$dir"
`

// Start starts cmd in a session of its own. signal asks it to end; dir, if not
// empty, is removed once it has, also after a kill -9 of the calling process.
func Start(cmd *exec.Cmd, signal syscall.Signal, dir string) (*Process, error) {
	p := &Process{cmd: cmd, signal: signal, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	sh := exec.Command("/bin/sh", "-c", janitor, "janitor",
		strconv.Itoa(cmd.Process.Pid), strconv.Itoa(int(signal)), dir)
	sh.Dir = "/"
	sh.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := sh.StdinPipe()
	if err == nil {
		err = sh.Start()
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("start janitor: %w", err)
	}
	go func() {
		_ = cmd.Wait()
		_, _ = io.WriteString(pipe, "ended\n")
		_ = sh.Wait()
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the process has ended and its folder is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Output returns the end of what the process has printed.
func (p *Process) Output() string { return p.output.String() }

// Pid returns the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends s to the process, which is still there.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Stop asks the process to end, kills it after ten seconds, and waits.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(p.signal)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		p.Kill()
	}
}

// Kill ends the process at once and waits.
func (p *Process) Kill() {
	_ = p.cmd.Process.Signal(os.Kill)
	<-p.done
}

// output keeps the last few kilobytes written to it.
type output struct {
	mu  sync.Mutex
	buf []byte
}

func (o *output) Write(b []byte) (int, error) {
	const most = 8 << 10
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, b...)
	if extra := len(o.buf) - most; extra > 0 {
		o.buf = append(o.buf[:0], o.buf[extra:]...)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.TrimSpace(o.buf))
}
