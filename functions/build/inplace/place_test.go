package inplace

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// user is who the commands run as, where the tests run as root: root is kept from
// nothing, and nobody's commands run as root in a sandbox.
const user = 54321

// place is a workspace and the folders of our own beside it.
type place struct {
	*testing.T
	home, workspace, root, own, keep string
}

func newPlace(t *testing.T) place {
	t.Helper()
	home := t.TempDir()
	if err := os.Chmod(filepath.Dir(home), 0o755); err != nil {
		t.Fatal(err)
	}
	p := place{t, home, filepath.Join(home, "it's a project"), filepath.Join(home, ".siesta"), "", ""}
	p.own = filepath.Join(p.root, "job-b")
	p.keep = filepath.Join(p.own, "keep")
	if os.Getuid() == 0 {
		if err := os.Chown(home, user, user); err != nil {
			t.Fatal(err)
		}
	}
	p.shell(`mkdir -p "$workspace" "$root"`)
	return p
}

// command is one that can be killed with all that it started.
func (p place) command(text string) *exec.Cmd {
	cmd := exec.CommandContext(p.Context(), "/bin/bash", "-c", text)
	cmd.Dir = p.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: user, Gid: user}
	}
	return cmd
}

// run is how a command ends, and what it prints.
func (p place) run(text string) (int, []byte) {
	p.Helper()
	cmd := p.command(text)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.Fatal(err)
	}
	if said.Len() > 0 {
		p.Logf("%s", said.Bytes())
	}
	return cmd.ProcessState.ExitCode(), out
}

// shell runs a command in the workspace, or where that is not yet, beside it.
func (p place) shell(text string) string {
	p.Helper()
	code, out := p.run(set("workspace", p.workspace) + set("root", p.root) + set("keep", p.keep) + `cd "$workspace" 2>/dev/null; set -e` + "\n" + text)
	if code != 0 {
		p.Fatalf("exit code %d of %s", code, text)
	}
	return strings.TrimSpace(string(out))
}

func (p place) want(what, text string, code int) {
	p.Helper()
	if got, out := p.run(text); got != code {
		p.Fatalf("%s ended with %d, want %d: %s", what, got, code, out)
	}
}

// kept keeps the workspace and returns its hash.
func (p place) kept() string {
	p.Helper()
	code, out := p.run(Keep(p.workspace, p.keep, p.root, p.own))
	hash, ok := Hash(out)
	if code != 0 || !ok {
		p.Fatalf("keep ended with %d: %s", code, out)
	}
	return hash
}

// tree is all that is in the workspace: by name its mode, link target and content.
func (p place) tree() map[string]string {
	p.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(p.workspace, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what += " " + target
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		all[strings.TrimPrefix(path, p.workspace)] = what
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
	return all
}

// same fails the test where two trees differ.
func (p place) same(before, after map[string]string) {
	p.Helper()
	for name, what := range before {
		if after[name] != what {
			p.Errorf("%q is %q, was %q", name, after[name], what)
		}
	}
	for name, what := range after {
		if _, ok := before[name]; !ok {
			p.Errorf("%q is new: %s", name, what)
		}
	}
}
