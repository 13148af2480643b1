package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// groupPrefix begins the name of every control group made here; the runner's
// pid and the time of its start follow, so that a later one finds what a
// killed one left.
const groupPrefix = "e2bsim-sandbox."

// hierarchies are the control group mounts that this process may use; "" where
// there is none. A machine may have version 2, version 1, or both.
type hierarchies struct {
	freezer, memory     string
	freezerV2, memoryV2 bool
}

// findHierarchies looks at what is mounted and tries to make a group in each.
func findHierarchies() hierarchies {
	var h hierarchies
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return h
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[2] != "cgroup" && f[2] != "cgroup2" {
			continue
		}
		dir, v2 := f[1], f[2] == "cgroup2"
		sweep(dir)
		options := "," + f[3] + ","
		freezes := v2 || strings.Contains(options, ",freezer,")
		limits := strings.Contains(options, ",memory,")
		if v2 {
			controllers, _ := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
			limits = bytes.Contains(controllers, []byte("memory"))
		}
		if !freezes && !limits || !usable(dir) {
			continue
		}
		// Version 2 first: it also lets a frozen process be killed.
		if freezes && !h.freezerV2 {
			h.freezer, h.freezerV2 = dir, v2
		}
		if limits && !h.memoryV2 {
			h.memory, h.memoryV2 = dir, v2
		}
	}
	return h
}

func usable(dir string) bool {
	probe := filepath.Join(dir, groupName("probe"))
	if os.Mkdir(probe, 0o755) != nil {
		return false
	}
	return os.Remove(probe) == nil
}

func groupName(id string) string {
	return groupPrefix + strconv.Itoa(os.Getpid()) + "." + startTime(os.Getpid()) + "." + id
}

// startTime tells when a process began, in the kernel's ticks; "" if there is
// none. With it a pid names one process for ever.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// Field 22; counted from behind the name, which may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}

// sweep removes the groups of runners that are dead. It thaws what is still
// frozen in them, which then ends by itself: the kernel has sent the death
// signal, or pid 1 sees that its runner has hung up.
func sweep(dir string) {
	groups, _ := filepath.Glob(filepath.Join(dir, groupPrefix+"*"))
	for _, group := range groups {
		parts := strings.Split(strings.TrimPrefix(filepath.Base(group), groupPrefix), ".")
		pid, err := strconv.Atoi(parts[0])
		if err != nil || len(parts) < 2 || startTime(pid) == parts[1] {
			continue
		}
		for file, state := range map[string]string{"freezer.state": "THAWED", "cgroup.freeze": "0"} {
			if text, err := os.OpenFile(filepath.Join(group, file), os.O_WRONLY, 0); err == nil {
				text.WriteString(state)
				text.Close()
			}
		}
		removeGroup(group)
	}
}

// cgroup is the control groups of one sandbox. A nil one does nothing.
type cgroup struct {
	hierarchies
	freezerDir, memoryDir string
	unified               *os.File // the version 2 group, to be started in
}

// create makes the groups of a sandbox. One that cannot be made is one that the
// sandbox goes without.
func (h hierarchies) create(c Config) *cgroup {
	g := &cgroup{hierarchies: h}
	join := func(hierarchy string, wanted bool) string {
		dir := filepath.Join(hierarchy, groupName(c.ID))
		if hierarchy == "" || !wanted || os.Mkdir(dir, 0o755) != nil && !isDir(dir) {
			return ""
		}
		return dir
	}
	g.freezerDir = join(h.freezer, !c.FreezeBySignal)
	g.memoryDir = join(h.memory, c.Limits.Memory > 0)
	for _, dir := range []string{g.dirV2(g.freezerDir, h.freezerV2), g.dirV2(g.memoryDir, h.memoryV2)} {
		if dir != "" && g.unified == nil {
			g.unified, _ = os.Open(dir)
		}
	}
	return g
}

func (g *cgroup) dirV2(dir string, v2 bool) string {
	if !v2 {
		return ""
	}
	return dir
}

func isDir(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

func (g *cgroup) freezes() bool      { return g != nil && g.freezerDir != "" }
func (g *cgroup) limitsMemory() bool { return g != nil && g.memoryDir != "" }

// kills is the file with a line "oom_kill" and how often that happened in the group,
// which is how /proc/vmstat tells it of a machine; "" where there is none.
func (g *cgroup) kills() string {
	file := "memory.oom_control"
	switch {
	case !g.limitsMemory():
		return ""
	case g.memoryV2:
		file = "memory.events"
	}
	return filepath.Join(g.memoryDir, file)
}

// add puts a process into the version 1 groups and sets the limits. Into the
// version 2 group it was started.
func (g *cgroup) add(pid int, l Limits) error {
	if g == nil {
		return nil
	}
	if g.unified != nil {
		g.unified.Close()
	}
	if g.freezes() && !g.freezerV2 {
		if err := write(g.freezerDir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("join freezer: %w", err)
		}
	}
	if !g.limitsMemory() {
		return nil
	}
	bytes := strconv.FormatInt(l.Memory, 10)
	if g.memoryV2 {
		// Absent without swap, and then not needed.
		write(g.memoryDir, "memory.swap.max", "0")
		return wrap("limit memory", write(g.memoryDir, "memory.max", bytes))
	}
	err := write(g.memoryDir, "memory.limit_in_bytes", bytes)
	write(g.memoryDir, "memory.memsw.limit_in_bytes", bytes)
	return wrap("limit memory", errors.Join(err, write(g.memoryDir, "cgroup.procs", strconv.Itoa(pid))))
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func write(dir, file, text string) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(text), 0)
}

// freeze stops every process of the group and returns when all stand still.
func (g *cgroup) freeze() error {
	switch {
	case !g.freezes():
		return nil
	case g.freezerV2:
		if err := write(g.freezerDir, "cgroup.freeze", "1"); err != nil {
			return fmt.Errorf("freeze: %w", err)
		}
		return g.awaitFrozenV2()
	}
	return g.freezeV1()
}

func (g *cgroup) awaitFrozenV2() error {
	events, err := os.Open(filepath.Join(g.freezerDir, "cgroup.events"))
	if err != nil {
		return fmt.Errorf("watch freezer: %w", err)
	}
	defer events.Close()
	deadline := time.Now().Add(answerTimeout)
	for {
		text := make([]byte, 256)
		n, err := events.ReadAt(text, 0)
		if n == 0 && err != nil {
			return fmt.Errorf("watch freezer: %w", err)
		}
		if bytes.Contains(text[:n], []byte("frozen 1")) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("freeze: %w", os.ErrDeadlineExceeded)
		}
		// The kernel tells of a change, but not twice within 10 ms.
		unix.Poll([]unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}}, 1)
	}
}

// freezeV1 asks until it is true: version 1 tells nobody, and a process that
// forks just then has to be asked for again.
func (g *cgroup) freezeV1() error {
	for deadline := time.Now().Add(answerTimeout); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if err := write(g.freezerDir, "freezer.state", "FROZEN"); err != nil {
			return fmt.Errorf("freeze: %w", err)
		}
		state, err := os.ReadFile(filepath.Join(g.freezerDir, "freezer.state"))
		if err != nil {
			return fmt.Errorf("freeze: %w", err)
		}
		if string(bytes.TrimSpace(state)) == "FROZEN" {
			return nil
		}
	}
	return fmt.Errorf("freeze: %w", os.ErrDeadlineExceeded)
}

// thaw lets the group run. One that is removed has nobody left to thaw.
func (g *cgroup) thaw() error {
	if !g.freezes() {
		return nil
	}
	file, state := "freezer.state", "THAWED"
	if g.freezerV2 {
		file, state = "cgroup.freeze", "0"
	}
	err := write(g.freezerDir, file, state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return wrap("thaw", err)
}

// remove takes the groups away. Their processes must be gone.
func (g *cgroup) remove() {
	if g == nil {
		return
	}
	if g.unified != nil {
		g.unified.Close()
	}
	for _, dir := range []string{g.freezerDir, g.memoryDir} {
		if dir != "" {
			removeGroup(dir)
		}
	}
}

// removeGroup waits a little for the kernel to let go of a process that has
// just ended.
func removeGroup(dir string) {
	for range 100 {
		if err := os.Remove(dir); !errors.Is(err, unix.EBUSY) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
