package e2bsim

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// snapshot is a copy of a sandbox's files, made while it was frozen.
type snapshot struct {
	Pause int // which pause of the sandbox it belongs to, from 1
	Dir   string
}

// keptSnapshots is how many copies a sandbox has at most: one to fall back on
// and one older.
const keptSnapshots = 2

func (b *box) home() string { return filepath.Join(b.dir, "home") }

// keepCopy copies the files for the pause under way.
func keepCopy(b *box) error {
	copied := snapshot{Pause: b.pauses + 1, Dir: filepath.Join(b.dir, "snapshot-"+strconv.Itoa(b.pauses+1))}
	if err := copyTree(b.home(), copied.Dir); err != nil {
		return err
	}
	b.copies = append(b.copies, copied)
	if len(b.copies) > keptSnapshots {
		_ = os.RemoveAll(b.copies[0].Dir)
		b.copies = b.copies[1:]
	}
	return nil
}

// newestCopy returns the folder of the newest copy that is no newer than the
// given pause; empty when none was kept.
func (b *box) newestCopy(pause int) string {
	for i := len(b.copies) - 1; i >= 0; i-- {
		if b.copies[i].Pause <= pause {
			return b.copies[i].Dir
		}
	}
	return ""
}

// restore puts the files back as they are in dir; without a dir, as they were
// when the sandbox was created.
func restore(b *box, dir string) error {
	if err := os.RemoveAll(b.home()); err != nil {
		return fmt.Errorf("clear home folder: %w", err)
	}
	if dir == "" {
		return nil
	}
	return copyTree(dir, b.home())
}

// copyTree copies a folder with owners, modes and links.
func copyTree(from, to string) error {
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy files: %w: %s", err, out)
	}
	return nil
}
