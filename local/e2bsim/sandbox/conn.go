package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// halfCloser is what *net.TCPConn and *net.UnixConn have in common.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// conn is a connection into a sandbox that the sandbox can cut.
type conn struct {
	halfCloser
	sandbox *Sandbox
}

func (c *conn) Close() error {
	c.sandbox.mu.Lock()
	delete(c.sandbox.conns, c)
	c.sandbox.mu.Unlock()
	return c.halfCloser.Close()
}

// CloseConnections cuts every connection made through Dial.
func (s *Sandbox) CloseConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cutLocked()
}

func (s *Sandbox) cutLocked() {
	for c := range s.conns {
		c.halfCloser.Close()
	}
	clear(s.conns)
}

func (s *Sandbox) dial(ctx context.Context, port int) (net.Conn, error) {
	if port == EnvdPort {
		return s.dialEnvd()
	}
	c, err := s.dialLoopback(ctx, port, opSocket4)
	// A server told to listen on "localhost" may have taken ::1 alone.
	if errors.Is(err, syscall.ECONNREFUSED) {
		if c6, err6 := s.dialLoopback(ctx, port, opSocket6); err6 == nil {
			return c6, nil
		}
	}
	return c, err
}

// dialEnvd hands pid 1 one end of a socket pair, as if it had accepted it.
func (s *Sandbox) dialEnvd() (net.Conn, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.askLocked(opEnvd, theirs); err != nil {
		ours.Close()
		return nil, err
	}
	return s.trackLocked(ours), nil
}

// dialLoopback connects a socket that was made inside the sandbox's network
// namespace, so it sees that loopback and no other.
func (s *Sandbox) dialLoopback(ctx context.Context, port int, family op) (net.Conn, error) {
	socket, err := s.socket(family)
	if err != nil {
		return nil, err
	}
	tcp, err := connectSocket(ctx, socket, family, port)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen {
		tcp.Close()
		return nil, ErrFrozen
	}
	return s.trackLocked(tcp), nil
}

func (s *Sandbox) socket(family op) (*os.File, error) {
	if !s.host.isolated() {
		return hostSocket(family)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	socket, err := s.askLocked(family, nil)
	if err == nil && socket == nil {
		err = fmt.Errorf("make socket inside: %w", syscall.EAFNOSUPPORT)
	}
	return socket, err
}

func (s *Sandbox) askLocked(o op, send *os.File) (*os.File, error) {
	if s.frozen {
		return nil, ErrFrozen
	}
	return s.control.ask(o, send)
}

func (s *Sandbox) trackLocked(c halfCloser) net.Conn {
	tracked := &conn{c, s}
	s.conns[tracked] = struct{}{}
	return tracked
}

// connectSocket connects a non-blocking socket to a loopback port and takes it
// over. ctx bounds the wait.
func connectSocket(ctx context.Context, socket *os.File, family op, port int) (halfCloser, error) {
	defer socket.Close()
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("use socket: %w", err)
	}
	var address syscall.Sockaddr = &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	if family == opSocket6 {
		address = &syscall.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}}
	}
	stop := context.AfterFunc(ctx, func() { socket.SetWriteDeadline(past) })
	defer stop()
	started, failed := false, error(nil)
	// The runtime calls this again each time the socket may be writable.
	err = raw.Write(func(fd uintptr) bool {
		if !started {
			started = true
			failed = syscall.Connect(int(fd), address)
			if failed == syscall.EINPROGRESS {
				failed = nil
				return false
			}
			return true
		}
		code, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		if err == nil && code != 0 {
			err = syscall.Errno(code)
		}
		failed = err
		if failed == nil {
			// A wake-up without a result: not connected yet.
			_, err := syscall.Getpeername(int(fd))
			return err == nil
		}
		return true
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("connect: %w", err)
	case failed != nil:
		return nil, fmt.Errorf("connect: %w", failed)
	}
	c, err := net.FileConn(socket)
	if err != nil {
		return nil, fmt.Errorf("take socket over: %w", err)
	}
	return c.(*net.TCPConn), nil
}
