//go:build !linux

package sandbox

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// host, elsewhere than on Linux, has process groups and nothing more.
type host struct{}

func thisHost() host { return host{} }

func (host) isolated() bool          { return false }
func (host) newGroup(Config) *cgroup { return nil }
func (host) attributes(Config, *cgroup) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true}
}
func (host) settings(c Config, _ *cgroup) settings { return settings{Config: c, Signals: true} }
func own(string, int) error                        { return nil }
func (host) uid(Config) int                        { return 0 }
func (host) connect(int) (*network, error)         { return nil, nil }
func (host) path() string                          { return os.Getenv("PATH") }
func (host) kill(s *Sandbox)                       { s.control.Close() }
func onParentThread(f func() error) error          { return f() }
func isolate(settings) (func(func()), error)       { return nil, errors.ErrUnsupported }
func limit(int, settings)                          {}
func awaitStopped()                                {}

func (host) shortcomings() []string {
	return []string{"sandboxes share this machine's ports, files and network, and a process in a session of its own outlives them: namespaces need Linux"}
}

// bury gives pid 1 the time to kill what it started.
func (host) bury(s *Sandbox) {
	timer := time.AfterFunc(answerTimeout, func() { s.cmd.Process.Kill() })
	defer timer.Stop()
	s.cmd.Wait()
}

func selfPath() string {
	self, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return self
}

func startRestricted(file string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	return os.StartProcess(file, argv, attr)
}

// cgroup and network do not exist here.
type (
	cgroup  struct{}
	network struct{}
)

func (*cgroup) add(int, Limits) error { return nil }
func (*cgroup) freeze() error         { return nil }
func (*cgroup) thaw() error           { return nil }
func (*cgroup) remove()               {}
func (*network) close()               {}
