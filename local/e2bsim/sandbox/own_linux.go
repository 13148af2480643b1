package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// own gives the sandbox's folder to its user, once, or again when the folder
// came from another sandbox.
func own(dir string, uid int) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if uid == 0 || int(info.Sys().(*syscall.Stat_t).Uid) == uid {
		return nil
	}
	// The folder itself comes last: if it has its owner, so has all that is in it.
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
	if err != nil {
		return err
	}
	return os.Lchown(dir, uid, uid)
}
