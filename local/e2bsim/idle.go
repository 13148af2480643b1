package e2bsim

import (
	"context"
	"net"
	"os"
	"sync"
	"syscall"
)

// Idle is a backend whose sandboxes have a home folder and nothing that runs:
// for tests of the lifecycle alone, at no cost.
type Idle struct{}

// Start makes the home folder.
func (Idle) Start(_ context.Context, spec Spec) (Machine, error) {
	return &idleMachine{done: make(chan struct{})}, os.MkdirAll(spec.Home, 0o755)
}

type idleMachine struct {
	once sync.Once
	done chan struct{}
}

func (*idleMachine) Dial(context.Context, int) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
func (*idleMachine) CloseConnections()                           {}
func (*idleMachine) Freeze() error                               { return nil }
func (*idleMachine) Thaw() error                                 { return nil }
func (m *idleMachine) Done() <-chan struct{}                     { return m.done }

func (m *idleMachine) Kill() error {
	m.once.Do(func() { close(m.done) })
	return nil
}
