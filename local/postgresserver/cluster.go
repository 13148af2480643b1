package postgresserver

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// owner is the user that Postgres runs as.
type owner struct {
	name     string
	uid, gid int
	switched bool // not the user that this process runs as
}

func findOwner() (owner, error) {
	if os.Getuid() != 0 {
		return owner{name: "this user", uid: os.Getuid(), gid: os.Getgid()}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return owner{}, fmt.Errorf("find a user for Postgres, which refuses to run as root: add a user postgres: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return owner{}, fmt.Errorf("read user id of %s: %w", u.Username, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return owner{}, fmt.Errorf("read group id of %s: %w", u.Username, err)
	}
	return owner{name: u.Username, uid: uid, gid: gid, switched: true}, nil
}

// command runs a program as the owner, in dir, in UTC.
func (o owner) command(program, dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	if o.switched {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}}
	}
	return cmd
}

// tempDir makes a folder that the owner can reach and nobody else can enter.
func (o owner) tempDir() (string, error) {
	dir, err := os.MkdirTemp(tempParent(), "siesta-pg-")
	if err != nil {
		return "", fmt.Errorf("make folder for Postgres: %w", err)
	}
	if err := os.Chown(dir, o.uid, o.gid); err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("give folder to %s: %w", o.name, err)
	}
	return dir, nil
}

// tempParent is where temporary folders go: into memory, if nobody set TMPDIR
// and there is plenty of it. A database is some 300 files, and most disks take
// ten times as long to make them.
func tempParent() string {
	const plenty = 4 << 30
	var shm syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs("/dev/shm", &shm) == nil && shm.Bavail*uint64(shm.Bsize) > plenty {
		return "/dev/shm"
	}
	if parent := os.TempDir(); len(parent) <= 60 { // a socket's path has about 100 bytes
		return parent
	}
	return "/tmp"
}

// createCluster puts an empty cluster into data unless there is one already.
// With cached, it copies one that was made before on this machine, since
// initdb is by far the slowest part of a start.
func createCluster(bin binaries, owner owner, data string, cached bool) error {
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		return nil
	}
	if !cached {
		if err := os.MkdirAll(data, 0o700); err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
		if err := os.Chown(data, owner.uid, owner.gid); err != nil {
			return fmt.Errorf("give data folder to %s: %w", owner.name, err)
		}
		return initdb(bin, owner, data)
	}
	template, err := templateDir(bin, owner)
	if err != nil {
		return err
	}
	if _, err := os.Stat(template); errors.Is(err, fs.ErrNotExist) {
		if err := createTemplate(bin, owner, template); err != nil {
			return err
		}
	}
	return copyTree(template, data)
}

// templateDir names the cached cluster of this Postgres and owner.
func templateDir(bin binaries, owner owner) (string, error) {
	version, err := exec.Command(bin.postgres, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the version of Postgres: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	key := sha256.Sum256(fmt.Append(version, bin.postgres, owner.uid, initdbFlags))
	return filepath.Join(cache, "siesta", fmt.Sprintf("postgres-%x", key[:6])), nil
}

// createTemplate makes the cached cluster. Processes may race: each makes its
// own, and the first rename wins.
func createTemplate(bin binaries, owner owner, template string) error {
	dir, err := owner.tempDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	if err := initdb(bin, owner, data, "--no-sync"); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(template), 0o700); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	mine, err := os.MkdirTemp(filepath.Dir(template), "making-")
	if err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	defer os.RemoveAll(mine)
	if err := copyTree(data, filepath.Join(mine, "data")); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(mine, "data"), template); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keep cluster in cache: %w", err)
	}
	return nil
}

var initdbFlags = []string{"-U", User, "--auth-local=trust", "--auth-host=scram-sha-256", "-E", "UTF8", "--locale=C"}

func initdb(bin binaries, owner owner, data string, more ...string) error {
	args := slices.Concat([]string{"-D", data}, initdbFlags, more)
	out, err := owner.command(bin.initdb, filepath.Dir(data), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("run initdb as %s, who must be able to reach %s: %w: %s", owner.name, data, err, out)
	}
	return nil
}

// copyTree copies a folder with its owners and modes.
func copyTree(from, to string) error {
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}
