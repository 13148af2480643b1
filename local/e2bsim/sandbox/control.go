package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// op is what the runner asks of a sandbox's pid 1: one byte, some with a
// descriptor. Each is answered by one byte, some with a descriptor.
type op byte

const (
	opEnvd    op = 'e' // serve this connection as if it had come in at EnvdPort
	opSocket4 op = '4' // make an IPv4 socket in your network namespace
	opSocket6 op = '6' // the same for IPv6
	opPause   op = 'p' // stand still: the clock, and without a freezer the commands
	opResume  op = 'r' // go on

	answerOK   = 0
	answerFail = 1 // at the start only: the reason follows, then the end
)

var past = time.Unix(1, 0)

// control is the runner's end of the socket to a pid 1. Its caller asks one
// question at a time.
type control struct {
	*net.UnixConn
	answers chan *os.File
	gone    chan struct{} // closed when pid 1 has hung up, which is its end
}

func newControl() (*control, *os.File, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	return &control{UnixConn: ours, answers: make(chan *os.File, 1), gone: make(chan struct{})}, theirs, nil
}

// awaitReady reads the first answer. Called before read.
func (c *control) awaitReady(ctx context.Context) error {
	c.SetReadDeadline(time.Now().Add(answerTimeout))
	stop := context.AfterFunc(ctx, func() { c.SetReadDeadline(past) })
	defer stop()
	answer, _, err := receive(c.UnixConn)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("hear from pid 1: %w", err)
	case answer == answerFail:
		reason, _ := io.ReadAll(io.LimitReader(c, 4096))
		return errors.New(string(reason))
	}
	stop()
	return c.SetReadDeadline(time.Time{})
}

// read takes in answers until pid 1 hangs up. It parks on the socket, so an
// idle sandbox costs no thread.
func (c *control) read() {
	defer close(c.gone)
	for {
		_, file, err := receive(c.UnixConn)
		if err != nil {
			return
		}
		c.answers <- file
	}
}

// ask puts one question and waits for its answer. A pid 1 that does not answer
// in time is taken for dead and cut off.
func (c *control) ask(o op, attach *os.File) (*os.File, error) {
	if err := send(c.UnixConn, byte(o), attach); err != nil {
		return nil, ErrStopped
	}
	timer := time.NewTimer(answerTimeout)
	defer timer.Stop()
	select {
	case file := <-c.answers:
		return file, nil
	case <-c.gone:
		return nil, ErrStopped
	case <-timer.C:
		c.Close()
		return nil, fmt.Errorf("pid 1 does not answer: %w", ErrStopped)
	}
}

// send writes one byte, with a descriptor if there is one.
func send(c *net.UnixConn, b byte, attach *os.File) error {
	var rights []byte
	if attach != nil {
		rights = syscall.UnixRights(int(attach.Fd()))
	}
	_, _, err := c.WriteMsgUnix([]byte{b}, rights, nil)
	return err
}

// receive reads one byte, and the descriptor that came with it.
func receive(c *net.UnixConn) (byte, *os.File, error) {
	var b [1]byte
	rights := make([]byte, syscall.CmsgSpace(4))
	n, rn, _, _, err := c.ReadMsgUnix(b[:], rights)
	if err != nil {
		return 0, nil, err
	}
	if n == 0 {
		return 0, nil, io.EOF
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:rn])
	if err != nil || len(messages) == 0 {
		return b[0], nil, err
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return b[0], nil, err
	}
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		syscall.Close(fds[0])
		return b[0], nil, err
	}
	return b[0], os.NewFile(uintptr(fds[0]), "received"), nil
}

// forkLock keeps a command that is started just then from inheriting a
// descriptor between its making and its mark close-on-exec, where the system
// cannot do both in one step. It is the lock that package syscall itself takes.
var forkLock = &syscall.ForkLock

// socketPair makes two connected stream sockets: one for this process, one to
// hand over.
func socketPair() (*net.UnixConn, *os.File, error) {
	forkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	forkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("open socket pair: %w", err)
	}
	mine, theirs := os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control")
	defer mine.Close()
	c, err := net.FileConn(mine)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("use socket pair: %w", err)
	}
	return c.(*net.UnixConn), theirs, nil
}

// hostSocket makes a socket in this process's own network namespace.
func hostSocket(family op) (*os.File, error) {
	domain := syscall.AF_INET
	if family == opSocket6 {
		domain = syscall.AF_INET6
	}
	forkLock.RLock()
	fd, err := syscall.Socket(domain, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	forkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("make socket: %w", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, fmt.Errorf("make socket: %w", err)
	}
	return os.NewFile(uintptr(fd), "socket"), nil
}
