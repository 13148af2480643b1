package sandbox

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// reaper starts a sandbox's commands and collects every process that ends
// inside, the orphans that fell to pid 1 included.
type reaper struct {
	settings settings

	mu      sync.Mutex // held over a start, so that no child is collected unknown
	waiting map[int]chan syscall.WaitStatus
	groups  map[int]bool // process groups of commands; not kept when isolated
}

func newReaper(s settings) *reaper {
	r := &reaper{settings: s, waiting: map[int]chan syscall.WaitStatus{}, groups: map[int]bool{}}
	// Room for one signal is enough: reap collects every child that has ended. The
	// channel has SIGCHLD alone, or another signal could take the room.
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			r.reap()
		}
	}()
	return r
}

// spawn starts a command in a process group of its own. wait returns when the
// command itself has ended.
func (r *reaper) spawn(file string, argv []string, attr *os.ProcAttr) (pid int, wait func() syscall.WaitStatus, err error) {
	if attr.Sys == nil {
		attr.Sys = &syscall.SysProcAttr{Setpgid: true}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := startRestricted(file, argv, attr)
	if err != nil {
		return 0, nil, err
	}
	pid = p.Pid
	p.Release()
	limit(pid, r.settings)
	ended := make(chan syscall.WaitStatus, 1)
	r.waiting[pid] = ended
	if !r.settings.Isolated {
		r.groups[pid] = true
	}
	return pid, func() syscall.WaitStatus { return <-ended }, nil
}

func (r *reaper) reap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ended, ok := r.waiting[pid]; ok {
			ended <- status
			delete(r.waiting, pid)
		}
	}
}

// signalAll signals every process inside but pid 1. Without namespaces it
// reaches the process groups of the commands: a session of its own escapes.
func (r *reaper) signalAll(sig syscall.Signal) {
	if r.settings.Isolated {
		syscall.Kill(-1, sig)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for group := range r.groups {
		if syscall.Kill(-group, sig) == syscall.ESRCH {
			delete(r.groups, group)
		}
	}
}

// stop stops every process and returns when the kernel shows them stopped.
func (r *reaper) stop() {
	r.signalAll(syscall.SIGSTOP)
	if r.settings.Isolated {
		awaitStopped()
	}
}
