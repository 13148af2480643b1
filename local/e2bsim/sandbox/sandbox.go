// Package sandbox runs one simulated E2B sandbox as real processes on this
// machine: where it can, in namespaces of its own, with envd as its pid 1. It
// owns the namespaces, the freezing, the limits and the end of everything that
// ran inside. It knows no control plane, no time-outs and no HTTP routes.
package sandbox

import (
	"context"
	"errors"
	"net"
)

// EnvdPort is where the sandbox's own envd listens, as on E2B.
const EnvdPort = 49983

var (
	// ErrFrozen: the sandbox is frozen; nothing inside can answer.
	ErrFrozen = errors.New("sandbox is frozen")
	// ErrStopped: the sandbox is gone, killed or dead by itself.
	ErrStopped = errors.New("sandbox has stopped")
)

// Config says what a sandbox is started with.
type Config struct {
	ID          string            // names it; also decides the user id that it runs under
	Dir         string            // the folder that becomes /home/user; made if missing, kept for ever
	Env         map[string]string // in the environment of every command, under the command's own
	AccessToken string            // what envd asks for in X-Access-Token; "" asks for nothing
	Limits      Limits
	Outbound    bool     // reach the network beyond the sandbox, where slirp4netns is installed
	Files       []string // host files or folders to show inside, read-only, under the same path
}

// Limits keep a runaway command from taking the machine. Zero means none.
type Limits struct {
	Memory    int64 // bytes
	Processes int   // processes and threads
}

// Sandbox is a running (or frozen) sandbox. Its methods may be called at once.
type Sandbox struct{}

// Init turns this process into a sandbox's pid 1 if that is what it was started
// as, and then does not return. The first call in main and in every TestMain
// whose program starts sandboxes.
func Init() {}

// Start runs a sandbox and returns when its envd listens. It stops with Kill,
// or with this process, however this process ends; ctx bounds the start alone.
func Start(ctx context.Context, c Config) (*Sandbox, error) { return nil, errors.ErrUnsupported }

// Dial connects to a port on the sandbox's own loopback; EnvdPort reaches its
// envd. While frozen it answers ErrFrozen, later ErrStopped. A port on which
// nobody listens is syscall.ECONNREFUSED. The connection is a *net.TCPConn in
// all but name: CloseWrite works.
func (s *Sandbox) Dial(ctx context.Context, port int) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

// Freeze stops every process inside, sessions of their own included, and the
// clock that envd's time-outs run by; then it cuts every connection made
// through Dial. Freezing what is frozen does nothing.
func (s *Sandbox) Freeze() error { return errors.ErrUnsupported }

// Thaw lets everything go on where Freeze stopped it.
func (s *Sandbox) Thaw() error { return errors.ErrUnsupported }

// CloseConnections cuts every connection made through Dial.
func (s *Sandbox) CloseConnections() {}

// Kill ends every process inside, frozen or not, and returns when they are
// gone. Killing what has stopped does nothing.
func (s *Sandbox) Kill() error { return errors.ErrUnsupported }

// Done is closed when the sandbox has stopped, for whatever reason.
func (s *Sandbox) Done() <-chan struct{} { return nil }

// Processes counts the processes inside, envd's own not included.
func (s *Sandbox) Processes() (int, error) { return 0, errors.ErrUnsupported }

// Shortcomings tells in words what sandboxes lack on this machine, such as
// isolated ports; nil where they have everything. For the runner to print once.
func Shortcomings() []string { return nil }
