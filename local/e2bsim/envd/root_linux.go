package envd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openAsRoot opens a file below the home in root's name: to read it, or, with
// its folders, to write it. No link leads it out of the home: the machine's own
// files are not the sandbox's.
func (c Config) openAsRoot(path string, write bool) (file *os.File, err error) {
	rel, err := filepath.Rel(c.Home, path)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return nil, fmt.Errorf("%s is not below %s: %w", path, c.Home, os.ErrPermission)
	}
	c.AsRoot(func() {
		var home int
		if home, err = unix.Open(c.Home, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(home)
		if write {
			if err = foldersAsRoot(home, filepath.Dir(rel)); err != nil {
				return
			}
		}
		file, err = fileAsRoot(home, rel, write)
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return file, nil
}

const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS

// foldersAsRoot makes the folders that are missing, from the home down.
func foldersAsRoot(home int, rel string) error {
	if rel == "." {
		return nil
	}
	folder, err := unix.Openat2(home, rel, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: beneath})
	if err == nil {
		return unix.Close(folder)
	}
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := foldersAsRoot(home, filepath.Dir(rel)); err != nil {
		return err
	}
	parent, err := unix.Openat2(home, filepath.Dir(rel), &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: beneath})
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	name := filepath.Base(rel)
	if err := unix.Mkdirat(parent, name, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return unix.Fchownat(parent, name, 0, 0, unix.AT_SYMLINK_NOFOLLOW)
}

func fileAsRoot(home int, rel string, write bool) (*os.File, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: beneath}
	if write {
		how.Flags, how.Mode = unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC, 0o644
	}
	fd, err := unix.Openat2(home, rel, &how)
	if err != nil {
		return nil, err
	}
	if write {
		if err := unix.Fchown(fd, 0, 0); err != nil {
			unix.Close(fd)
			return nil, err
		}
	}
	return os.NewFile(uintptr(fd), rel), nil
}
