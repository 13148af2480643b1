package sandbox

import (
	"context"
	"hash/fnv"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// host is what this machine can give a sandbox.
type host struct {
	namespaces bool
	asUser     bool // in a user namespace: this process is not root
	slirp      string
	groups     hierarchies
	lacks      []string
}

// thisHost finds out once, by trying.
var thisHost = sync.OnceValue(func() host {
	h := host{namespaces: true, asUser: os.Geteuid() != 0, groups: findHierarchies()}
	if err := h.try(); err != nil {
		h.namespaces = false
		h.lacks = append(h.lacks, "sandboxes share this machine's ports and files: "+err.Error())
		return h
	}
	if h.groups.freezer == "" {
		h.lacks = append(h.lacks, "no freezer that this process may use: sandboxes are stopped by signal")
	}
	if h.groups.freezer != "" && !h.groups.freezerV2 {
		h.lacks = append(h.lacks, "a version 1 freezer: what is frozen when the runner is killed ends when the next runner starts")
	}
	if h.groups.memory == "" {
		h.lacks = append(h.lacks, "no memory control group that this process may use: memory is limited by process, not by sandbox")
	}
	var err error
	if h.slirp, err = findSlirp(); err != nil {
		h.lacks = append(h.lacks, "sandboxes reach no network, and npm install fails in them: install slirp4netns ("+err.Error()+")")
	}
	return h
})

// try starts an empty sandbox, since so many settings of a machine can forbid
// one.
func (h host) try() error {
	dir, err := os.MkdirTemp("", "sandbox-try-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	s, err := start(ctx, Config{ID: "try", Dir: dir}, h)
	if err != nil {
		return err
	}
	return s.Kill()
}

func (h host) isolated() bool         { return h.namespaces }
func (h host) shortcomings() []string { return h.lacks }
func (h host) newGroup(c Config) *cgroup {
	if !h.namespaces {
		return nil
	}
	return h.groups.create(c)
}

// path is the PATH of commands. Without a file tree of its own a sandbox has
// the runner's programs, wherever they are.
func (h host) path() string {
	if h.namespaces {
		return path
	}
	return os.Getenv("PATH")
}

func selfPath() string { return "/proc/self/exe" }

// attributes say how pid 1 is started. A session of its own keeps a Ctrl-C at
// the terminal from reaching sandboxes.
func (h host) attributes(c Config, g *cgroup) *syscall.SysProcAttr {
	if !h.namespaces {
		// It must outlive its runner by a moment, to kill what it started.
		attr := &syscall.SysProcAttr{Setsid: true}
		if uid := h.uid(c); uid != 0 {
			attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
		}
		return attr
	}
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	attr.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	if g != nil && g.unified != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(g.unified.Fd())
	}
	if h.asUser {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: firstUID, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: firstUID, HostID: os.Getgid(), Size: 1}}
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN}
	}
	return attr
}

// Each sandbox has a user id of its own: the kernel counts processes, file
// watchers and much else by user, and no sandbox may use up another's.
const (
	firstUID = 1_000_000
	uidCount = 1_000_000
)

// uid is the user that a sandbox runs as; 0 for this process's own, which only
// root can leave.
func (h host) uid(c Config) int {
	if os.Geteuid() != 0 {
		return 0
	}
	sum := fnv.New32a()
	sum.Write([]byte(c.ID))
	return firstUID + int(sum.Sum32()%uidCount)
}

func (h host) settings(c Config, g *cgroup) settings {
	s := settings{Config: c, UID: h.uid(c), Isolated: h.namespaces, Signals: !g.freezes(), Memory: !g.limitsMemory(), Kills: g.kills()}
	s.Resolver = "# no network\n"
	if c.Outbound && h.slirp != "" {
		s.Resolver = "nameserver " + slirpResolver + "\n"
	}
	return s
}

// kill ends a sandbox: the kernel kills everything in a pid namespace with its
// pid 1. Without one, pid 1 is hung up on and kills what it started.
func (h host) kill(s *Sandbox) {
	if h.namespaces {
		s.cmd.Process.Kill()
		return
	}
	s.control.Close()
}

// bury makes sure that a pid 1 which has hung up is dead, and collects it.
func (h host) bury(s *Sandbox) {
	grace := time.Duration(0)
	if !h.namespaces {
		grace = answerTimeout
	}
	timer := time.AfterFunc(grace, func() { s.cmd.Process.Kill() })
	defer timer.Stop()
	s.group.thaw()
	s.cmd.Wait()
}
