// Package sandbox runs one simulated E2B sandbox as real processes on this
// machine: where it can, in namespaces of its own, with envd as its pid 1. It
// owns the namespaces, the freezing, the limits and the end of everything that
// ran inside. It knows no control plane, no time-outs and no HTTP routes.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// EnvdPort is where the sandbox's own envd answers, as on E2B.
const EnvdPort = 49983

// answerTimeout bounds every question that is put to a sandbox's pid 1.
const answerTimeout = 10 * time.Second

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

	// FreezeBySignal freezes with SIGSTOP even where the kernel has a freezer.
	// A process can see that it was stopped so, and one that had stopped
	// itself goes on with the rest.
	FreezeBySignal bool
}

// Limits keep a runaway command from taking the machine. Zero means none.
type Limits struct {
	Memory    int64 // bytes: of the sandbox by cgroup, else of each process
	Processes int   // processes and threads, envd's own not counted
}

// Sandbox is a running or frozen sandbox. Its methods may be called at once.
type Sandbox struct {
	host    host
	config  Config
	cmd     *exec.Cmd
	control *control
	group   *cgroup // nil where there is none

	mu      sync.Mutex // guards what follows, and every exchange with pid 1
	frozen  bool
	conns   map[*conn]struct{}
	network *network // nil when there is none

	done chan struct{}
}

// Start runs a sandbox and returns when its envd answers. It stops with Kill,
// or with this process, however this process ends; ctx bounds the start alone.
func Start(ctx context.Context, c Config) (*Sandbox, error) {
	return start(ctx, c, thisHost())
}

func start(ctx context.Context, c Config, h host) (*Sandbox, error) {
	if c.ID == "" || strings.ContainsAny(c.ID, "./") {
		return nil, fmt.Errorf("sandbox id %q: %w", c.ID, os.ErrInvalid)
	}
	var err error
	if c.Dir, err = filepath.Abs(c.Dir); err == nil {
		err = os.MkdirAll(c.Dir, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("make sandbox folder: %w", err)
	}
	if err := own(c.Dir, h.uid(c)); err != nil {
		return nil, fmt.Errorf("give sandbox folder to its user: %w", err)
	}
	s := &Sandbox{host: h, config: c, conns: map[*conn]struct{}{}, done: make(chan struct{})}
	s.group = h.newGroup(c)
	if err := s.boot(ctx); err != nil {
		s.group.remove()
		return nil, fmt.Errorf("start sandbox %s: %w", c.ID, err)
	}
	go s.control.read()
	go s.wait()
	s.mu.Lock()
	err = s.connect()
	s.mu.Unlock()
	if err != nil {
		s.Kill()
		return nil, fmt.Errorf("start sandbox %s: %w", c.ID, err)
	}
	return s, nil
}

// boot starts pid 1 and waits for its word that envd answers.
func (s *Sandbox) boot(ctx context.Context) error {
	control, theirs, err := newControl()
	if err != nil {
		return err
	}
	defer theirs.Close()
	settings, write, err := os.Pipe()
	if err != nil {
		control.Close()
		return fmt.Errorf("open pipe: %w", err)
	}
	defer settings.Close()
	cmd := exec.Command(selfPath())
	cmd.Args = []string{initName}
	cmd.Env = []string{"PATH=" + s.host.path()}
	cmd.Stdin, cmd.Stderr = settings, os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = s.host.attributes(s.config, s.group)
	if err := onParentThread(cmd.Start); err != nil {
		control.Close()
		write.Close()
		return fmt.Errorf("start pid 1: %w", err)
	}
	theirs.Close()
	s.cmd, s.control = cmd, control
	fail := func(err error) error {
		cmd.Process.Kill()
		cmd.Wait()
		control.Close()
		write.Close()
		return err
	}
	// pid 1 waits for its settings, so it runs nothing before it is in the group.
	if err := s.group.add(cmd.Process.Pid, s.config.Limits); err != nil {
		return fail(err)
	}
	if err := s.host.settings(s.config, s.group).send(write); err != nil {
		return fail(err)
	}
	if err := control.awaitReady(ctx); err != nil {
		return fail(err)
	}
	return nil
}

// wait sees the sandbox end, by whatever cause, and clears up behind it.
func (s *Sandbox) wait() {
	<-s.control.gone
	s.host.bury(s)
	s.control.Close()
	s.mu.Lock()
	s.cutLocked()
	s.network.close()
	s.mu.Unlock()
	s.group.remove()
	close(s.done)
}

// Kill ends every process inside, frozen or not, and returns when they are
// gone. Killing what has stopped does nothing.
func (s *Sandbox) Kill() error {
	s.mu.Lock() // not while a freeze is under way
	s.host.kill(s)
	// A frozen process takes the signal when it thaws, before it runs on.
	err := s.group.thaw()
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("kill sandbox %s: %w", s.config.ID, err)
	}
	<-s.done
	return nil
}

// Freeze stops every process inside, sessions of their own included, and the
// clock that envd's time-outs run by; then it cuts every connection made
// through Dial. Freezing what is frozen does nothing.
func (s *Sandbox) Freeze() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen {
		return nil
	}
	if _, err := s.control.ask(opPause, nil); err != nil {
		return fmt.Errorf("freeze sandbox %s: %w", s.config.ID, err)
	}
	if err := s.group.freeze(); err != nil {
		s.control.ask(opResume, nil)
		return fmt.Errorf("freeze sandbox %s: %w", s.config.ID, err)
	}
	s.frozen = true
	s.network.close()
	s.network = nil
	s.cutLocked()
	return nil
}

// Thaw lets everything go on where Freeze stopped it. Connections that commands
// had to the outside network are lost, as they are on E2B after a while.
func (s *Sandbox) Thaw() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.frozen {
		return nil
	}
	if err := s.connect(); err != nil {
		return fmt.Errorf("thaw sandbox %s: %w", s.config.ID, err)
	}
	if err := s.group.thaw(); err != nil {
		return fmt.Errorf("thaw sandbox %s: %w", s.config.ID, err)
	}
	if _, err := s.control.ask(opResume, nil); err != nil {
		return fmt.Errorf("thaw sandbox %s: %w", s.config.ID, err)
	}
	s.frozen = false
	return nil
}

// connect gives the sandbox its way to the outside network, if it is to have one.
func (s *Sandbox) connect() error {
	if !s.config.Outbound || s.network != nil {
		return nil
	}
	n, err := s.host.connect(s.cmd.Process.Pid)
	s.network = n
	return err
}

// Done is closed when the sandbox has stopped, for whatever reason.
func (s *Sandbox) Done() <-chan struct{} { return s.done }

// Shortcomings tells in words what sandboxes lack on this machine, such as
// isolated ports; nil where they have everything. For the runner to print once.
func Shortcomings() []string { return thisHost().shortcomings() }

// Dial connects to a port on the sandbox's own loopback; EnvdPort reaches its
// envd. While frozen it answers ErrFrozen, later ErrStopped. A port on which
// nobody listens is syscall.ECONNREFUSED. The connection has CloseWrite.
func (s *Sandbox) Dial(ctx context.Context, port int) (net.Conn, error) {
	c, err := s.dial(ctx, port)
	if err != nil {
		return nil, fmt.Errorf("dial port %d of sandbox %s: %w", port, s.config.ID, err)
	}
	return c, nil
}
