package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// isolate makes this pid 1 the root of what is seen inside: its own file tree,
// loopback and user. Nothing of it can be undone. asRoot runs what root does to
// the sandbox's files; nil where there is no root.
func isolate(s settings) (asRoot func(func()), err error) {
	if err := unix.Sethostname([]byte("e2b.local")); err != nil {
		return nil, fmt.Errorf("set host name: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return nil, err
	}
	if err := enterRoot(s); err != nil {
		return nil, err
	}
	if s.UID != 0 {
		root, err := keepPower()
		if err != nil {
			return nil, err
		}
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(s.UID, s.UID, s.UID), syscall.Setresuid(s.UID, s.UID, s.UID)); err != nil {
			return nil, fmt.Errorf("become the sandbox's user: %w", err)
		}
		if err := root.afterDrop(); err != nil {
			return nil, err
		}
		asRoot = root.do
		// Commands run under the same user id: they must not read this process.
		// In a user namespace its capabilities, which they lack, forbid it.
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("close pid 1 to others: %w", err)
		}
	}
	// A change of user drops the death signal that came with the start.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return nil, fmt.Errorf("die with the runner: %w", err)
	}
	return asRoot, os.Chdir(home)
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("name loopback: %w", err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	return nil
}

// startRestricted starts a command that can never gain privileges: no set-user-id
// program lifts it, and it inherits none of pid 1's capabilities. Both are
// properties of the thread that forks.
func startRestricted(file string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	return os.StartProcess(file, argv, attr)
}

// limit bounds a command that has just been started, and all that it starts.
// Processes are counted by user id, and each sandbox has its own: so the bound
// hits its commands and never envd.
func limit(pid int, s settings) {
	if n := uint64(s.Limits.Processes); n > 0 {
		unix.Prlimit(pid, unix.RLIMIT_NPROC, &unix.Rlimit{Cur: n, Max: n}, nil)
	}
	if n := uint64(s.Limits.Memory); n > 0 && s.Memory {
		unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: n, Max: n}, nil)
	}
}

// awaitStopped returns when no process but pid 1 runs. A process deep in the
// kernel takes its signal when it comes out; ten seconds are enough for that.
func awaitStopped() {
	deadline := time.Now().Add(10 * time.Second)
	for running := true; running && time.Now().Before(deadline); {
		running = false
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, stat := range stats {
			running = running || stat != "/proc/1/stat" && !stopped(stat)
		}
		if running {
			time.Sleep(time.Millisecond)
		}
	}
}

// stopped reads a process's state, the field after its name in parentheses. A
// process that is gone does not run either.
func stopped(stat string) bool {
	text, err := os.ReadFile(stat)
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	return after != "" && strings.ContainsRune("TtZX", rune(after[0]))
}
