package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ownFiles covers the machine's settings that a sandbox has of its own: who its
// user is, how it finds hosts, and its memory. Root is listed for the owner of system files.
func ownFiles(s settings) error {
	uid := s.UID
	if uid == 0 {
		uid = os.Getuid()
	}
	for name, text := range map[string]string{
		"passwd":      fmt.Sprintf("root:x:0:0:root:/root:/usr/sbin/nologin\n%s:x:%d:%d::%s:/bin/bash\n", userName, uid, uid, home),
		"group":       fmt.Sprintf("root:x:0:\n%s:x:%d:\n", userName, uid),
		"hosts":       "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 e2b.local\n",
		"resolv.conf": s.Resolver,
	} {
		if err := cover("/etc/"+name, "/run/"+name, text); err != nil {
			return err
		}
	}
	if s.Kills == "" { // the machine's own would tell of all sandboxes
		if err := cover("/proc/vmstat", "/run/vmstat", "oom_kill 0\n"); err != nil {
			return err
		}
	}
	if s.Limits.Memory == 0 {
		return nil
	}
	return cover("/proc/meminfo", "/run/meminfo", memoryInfo(s.Limits.Memory>>10))
}

// memoryInfo is what the kernel of a machine with so many kB says of them. Node
// and others take from it how much they may use: who believed in the whole
// machine's would be killed where they live in E2B. What is free is not counted.
func memoryInfo(kB int64) string {
	return fmt.Sprintf("MemTotal: %15d kB\nMemFree: %16d kB\nMemAvailable: %11d kB\nBuffers: 0 kB\nCached: 0 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n", kB, kB/2, kB/2)
}

// cover shows text at target, which the machine may keep as a file, as a link
// to somewhere that is not seen here, or not at all.
func cover(target, source, text string) error {
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", source, err)
	}
	link, err := os.Readlink(target)
	if err == nil {
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(target), link)
		}
		if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				return fmt.Errorf("make folder of %s: %w", link, err)
			}
			return os.Symlink(source, link)
		}
	}
	if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("cover %s: %w", target, err)
	}
	return nil
}

// writable are the mounts that commands may write to. Temporary files count as
// the sandbox's memory.
var writable = []struct{ target, kind, options string }{
	{"/tmp", "tmpfs", "mode=1777"},
	{"/dev/shm", "tmpfs", "mode=1777"},
	{"/dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620"},
	{"/proc", "proc", ""},
}

// mountWritable makes the writable mounts below staging.
func mountWritable() error {
	for _, m := range writable {
		target := filepath.Join(staging, m.target)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return fmt.Errorf("make mount point: %w", err)
		}
		if err := unix.Mount(m.kind, target, m.kind, unix.MS_NOSUID|unix.MS_NODEV, m.options); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return nil
}

// seal makes everything read-only but the home and what is writable.
func seal() error {
	sealed := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, sealed)
	if errors.Is(err, unix.ENOSYS) {
		// Before Linux 5.12 the files' own permissions are all that protects them.
		return nil
	}
	if err != nil {
		return fmt.Errorf("seal root: %w", err)
	}
	opened := &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	errs := []error{unix.MountSetattr(unix.AT_FDCWD, home, 0, opened)}
	for _, m := range writable {
		errs = append(errs, unix.MountSetattr(unix.AT_FDCWD, m.target, 0, opened))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("open what is writable: %w", err)
	}
	return nil
}
