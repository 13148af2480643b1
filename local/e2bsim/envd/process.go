package envd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"siesta/shared/e2b/envd/envdpb"
)

// process is one command, from its start until its end is forgotten.
type process struct {
	config *envdpb.ProcessConfig
	tag    *string
	pid    int
	output []*os.File // what is read: stdout and stderr, or the terminal

	inputMu  sync.Mutex
	stdin    *os.File // nil when there is none, or no more
	terminal *os.File

	mu        sync.Mutex
	listeners map[*listener]struct{}
	ended     bool // the process itself has ended: its pid may be another's
	cut       bool // it was signalled to end, so its output is not waited for
	timedOut  bool // by its time limit

	end  *envdpb.ProcessEvent_EndEvent // set before done is closed
	done chan struct{}
}

// listener is one stream that follows a process.
type listener struct {
	events chan *envdpb.ProcessEvent
	gone   chan struct{} // closed when the stream has ended
}

// listen adds a listener. Output from before is not replayed. leave must be
// called, or a reader that is gone would hold up the process.
func (p *process) listen() (l *listener, leave func()) {
	l = &listener{events: make(chan *envdpb.ProcessEvent, 16), gone: make(chan struct{})}
	p.mu.Lock()
	p.listeners[l] = struct{}{}
	p.mu.Unlock()
	return l, func() {
		p.mu.Lock()
		delete(p.listeners, l)
		p.mu.Unlock()
		close(l.gone)
	}
}

// publish gives an event to every listener, and waits until each has taken it: a
// slow one slows the process down rather than miss something.
func (p *process) publish(event *envdpb.ProcessEvent) {
	p.mu.Lock()
	listeners := make([]*listener, 0, len(p.listeners))
	for l := range p.listeners {
		listeners = append(listeners, l)
	}
	p.mu.Unlock()
	for _, l := range listeners {
		select {
		case l.events <- event:
		case <-l.gone:
		}
	}
}

// follow publishes the output and then the end. A grandchild that holds the
// output open delays the end, unless the process was told to end by a signal.
func (p *process) follow(wait func() syscall.WaitStatus, wrap []func([]byte) *envdpb.ProcessEvent_DataEvent) {
	var readers sync.WaitGroup
	for i, from := range p.output {
		readers.Go(func() { p.pump(from, wrap[i]) })
	}
	status := wait()
	p.mu.Lock()
	p.ended = true
	if p.cut {
		p.dropOutputLocked()
	}
	p.mu.Unlock()
	readers.Wait()
	p.closeInput()
	for _, from := range p.output {
		from.Close()
	}
	p.end = endEvent(status)
	close(p.done)
}

func (p *process) pump(from io.Reader, wrap func([]byte) *envdpb.ProcessEvent_DataEvent) {
	for {
		chunk := make([]byte, 32<<10)
		n, err := from.Read(chunk)
		if n > 0 {
			p.publish(&envdpb.ProcessEvent{Event: &envdpb.ProcessEvent_Data{Data: wrap(chunk[:n])}})
		}
		// A terminal whose last user has gone reports EIO.
		if err != nil {
			return
		}
	}
}

// dropOutputLocked gives the readers a moment for what is there already.
func (p *process) dropOutputLocked() {
	for _, from := range p.output {
		from.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	}
}

// signal signals the process itself, not its children.
func (p *process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	if p.ended {
		p.dropOutputLocked()
		return os.ErrProcessDone
	}
	return syscall.Kill(p.pid, sig)
}

// timeOut ends the process because its time limit has passed.
func (p *process) timeOut() {
	p.mu.Lock()
	p.timedOut = true
	p.mu.Unlock()
	p.signal(syscall.SIGKILL)
}

func (p *process) hasTimedOut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.timedOut
}

// input writes to the standard input or the terminal. It waits for a process
// that does not read.
func (p *process) input(in *envdpb.ProcessInput) error {
	p.inputMu.Lock()
	defer p.inputMu.Unlock()
	var to *os.File
	var data []byte
	switch in.GetInput().(type) {
	case *envdpb.ProcessInput_Stdin:
		if p.terminal != nil {
			return errors.New("error writing to stdin: the process has a terminal: write to the pty instead")
		}
		to, data = p.stdin, in.GetStdin()
	case *envdpb.ProcessInput_Pty:
		to, data = p.terminal, in.GetPty()
	default:
		return errUnknownInput
	}
	if to == nil {
		return errors.New("error writing to stdin: not enabled or closed")
	}
	if _, err := to.Write(data); err != nil {
		return fmt.Errorf("error writing to process %d: %w", p.pid, err)
	}
	return nil
}

var errUnknownInput = errors.New("unknown kind of input")

// closeInput ends the standard input. Done twice, it does nothing.
func (p *process) closeInput() error {
	p.inputMu.Lock()
	defer p.inputMu.Unlock()
	if p.stdin == nil {
		return nil
	}
	err := p.stdin.Close()
	p.stdin = nil
	return err
}

// endEvent tells how a process ended, in os.ProcessState's words.
func endEvent(status syscall.WaitStatus) *envdpb.ProcessEvent_EndEvent {
	end := &envdpb.ProcessEvent_EndEvent{Exited: status.Exited(), ExitCode: int32(status.ExitStatus())}
	switch {
	case status.Exited():
		end.Status = fmt.Sprintf("exit status %d", status.ExitStatus())
	case status.Signaled():
		end.Status = "signal: " + status.Signal().String()
		if status.CoreDump() {
			end.Status += " (core dumped)"
		}
	}
	if end.ExitCode != 0 {
		end.Error = &end.Status
	}
	return end
}
