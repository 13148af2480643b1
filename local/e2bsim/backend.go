package e2bsim

import (
	"context"
	"net"

	"siesta/local/e2bsim/sandbox"
)

// Backend starts the machines behind the sandboxes.
type Backend interface {
	// Start boots a machine and returns when the daemon inside answers.
	Start(ctx context.Context, spec Spec) (Machine, error)
}

// Spec is what a machine is started with.
type Spec struct {
	ID          string
	Home        string            // the folder that is /home/user inside; made if missing
	Env         map[string]string // for every command
	AccessToken string            // what the daemon demands; empty: nothing
}

// Machine is a running or frozen machine.
type Machine interface {
	// Dial connects to a port inside. A closed port is an error that matches
	// syscall.ECONNREFUSED.
	Dial(ctx context.Context, port int) (net.Conn, error)
	// CloseConnections cuts every connection that Dial made.
	CloseConnections()
	// Freeze returns when no process inside runs; Thaw lets them go on.
	Freeze() error
	Thaw() error
	// Kill ends every process inside and returns when none is left.
	Kill() error
	// Done is closed when the machine has ended, by Kill or by itself.
	Done() <-chan struct{}
}

// Processes is the backend that runs every sandbox as real processes of this
// machine. Its main program, or TestMain, must begin with sandbox.Init.
type Processes struct {
	Limits   sandbox.Limits
	Outbound bool     // let them reach the network
	Files    []string // of the host, to show inside, read-only
}

// Start starts a sandbox's processes.
func (p Processes) Start(ctx context.Context, spec Spec) (Machine, error) {
	m, err := sandbox.Start(ctx, sandbox.Config{ID: spec.ID, Dir: spec.Home, Env: spec.Env, AccessToken: spec.AccessToken,
		Limits: p.Limits, Outbound: p.Outbound, Files: p.Files})
	if err != nil {
		return nil, err
	}
	return m, nil
}
