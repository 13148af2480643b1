package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// What a sandbox sees of this machine, read-only, besides Config.Files: its
// programs and their settings, and nothing that holds anybody's data.
var shown = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix"}

// devices that a command may expect. The terminals are the sandbox's own.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// staging is where the new root is put together; what is there on the machine
// is out of sight from then on.
const staging = "/tmp"

// enterRoot replaces this mount namespace's root by one of the sandbox's own.
// A list of what is shown, not of what is hidden: what nobody thought of is
// not there.
func enterRoot(s settings) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("detach mounts: %w", err)
	}
	// Opened before anything covers them, wherever they are.
	sources := map[string]int{}
	for target, source := range shownPaths(s) {
		fd, err := unix.Open(source, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", source, err)
		}
		defer unix.Close(fd)
		sources[target] = fd
	}
	links := shownLinks()
	if err := unix.Mount("tmpfs", staging, "tmpfs", unix.MS_NOSUID, "mode=0755,size=4m"); err != nil {
		return fmt.Errorf("mount root: %w", err)
	}
	if err := mountWritable(); err != nil {
		return err
	}
	for target, fd := range sources {
		if err := bind(fd, filepath.Join(staging, target)); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/run", "/var"} {
		if err := os.MkdirAll(filepath.Join(staging, dir), 0o755); err != nil {
			return fmt.Errorf("make %s: %w", dir, err)
		}
	}
	if err := os.Mkdir(filepath.Join(staging, "/root"), 0); err != nil {
		return fmt.Errorf("make home of root: %w", err)
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(staging, name)); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	if err := pivot(); err != nil {
		return err
	}
	if err := ownFiles(s); err != nil {
		return err
	}
	return seal()
}

// shownPaths maps each path inside to the path on the machine that is seen
// there.
func shownPaths(s settings) map[string]string {
	paths := map[string]string{home: s.Dir}
	for _, dir := range shown {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() {
			paths[dir] = dir
		}
	}
	if s.Kills != "" {
		paths["/proc/vmstat"] = s.Kills
	}
	for _, name := range devices {
		paths["/dev/"+name] = "/dev/" + name
	}
	for _, file := range s.Files {
		if _, err := os.Stat(file); err == nil && !covered(file) {
			paths[file] = file
		}
	}
	return paths
}

// covered reports whether a path is seen inside anyway.
func covered(file string) bool {
	for _, dir := range shown {
		if rel, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return !filepath.IsAbs(file)
}

// shownLinks maps links at the root, such as /bin on a merged /usr, to their
// targets.
func shownLinks() map[string]string {
	links := map[string]string{
		"/var/tmp": "/tmp", "/dev/ptmx": "pts/ptmx", "/dev/fd": "/proc/self/fd",
		"/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	}
	for _, name := range shown {
		if target, err := os.Readlink(name); err == nil {
			links[name] = target
		}
	}
	return links
}

// bind shows what fd refers to at target, a folder or a file.
func bind(fd int, target string) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("look at source of %s: %w", target, err)
	}
	err := os.MkdirAll(filepath.Dir(target), 0o755)
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = errors.Join(err, os.MkdirAll(target, 0o755))
	} else if _, missing := os.Lstat(target); missing != nil {
		err = errors.Join(err, os.WriteFile(target, nil, 0o644))
	}
	if err != nil {
		return fmt.Errorf("make mount point: %w", err)
	}
	source := fmt.Sprintf("/proc/self/fd/%d", fd)
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("show %s: %w", target, err)
	}
	return nil
}

// pivot makes the staged tree the root and lets go of the machine's.
func pivot() error {
	if err := os.Chdir(staging); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the machine's root: %w", err)
	}
	return os.Chdir("/")
}
