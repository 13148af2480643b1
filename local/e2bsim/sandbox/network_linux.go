package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// slirpResolver is where slirp4netns answers DNS questions, its default.
const slirpResolver = "10.0.2.3"

// network is a sandbox's way out: one slirp4netns, which is a TCP stack in user
// space and leaves nothing behind on the machine. The machine's own loopback
// stays out of reach.
type network struct{ cmd *exec.Cmd }

// findSlirp finds a slirp4netns that can work here.
func findSlirp() (string, error) {
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	tun.Close()
	return exec.LookPath("slirp4netns")
}

// connect starts the way out of the sandbox whose pid 1 is given, and returns
// when it carries. nil where there can be none.
func (h host) connect(pid int) (*network, error) {
	if h.slirp == "" || !h.namespaces {
		return nil, nil
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe: %w", err)
	}
	defer ready.Close()
	defer theirs.Close()
	args := []string{"--configure", "--mtu=65520", "--disable-host-loopback", "--ready-fd=3"}
	if h.asUser {
		args = append(args, fmt.Sprintf("--userns-path=/proc/%d/ns/user", pid))
	}
	cmd := exec.Command(h.slirp, append(args, strconv.Itoa(pid), "tap0")...)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := onParentThread(cmd.Start); err != nil {
		return nil, fmt.Errorf("start slirp4netns: %w", err)
	}
	theirs.Close()
	n := &network{cmd}
	ready.SetReadDeadline(time.Now().Add(answerTimeout))
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		n.close()
		return nil, fmt.Errorf("start slirp4netns: not ready: %w", err)
	}
	return n, nil
}

func (n *network) close() {
	if n == nil {
		return
	}
	n.cmd.Process.Kill()
	n.cmd.Wait()
}
