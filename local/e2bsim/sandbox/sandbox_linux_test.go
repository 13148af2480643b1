package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestTwoSandboxesServeTheSamePort(t *testing.T) {
	for _, address := range []string{"127.0.0.1:3000", "0.0.0.0:5173", "[::1]:4000"} {
		_, port, _ := net.SplitHostPort(address)
		n := 0
		fmt.Sscan(port, &n)
		for _, name := range []string{"red", "blue"} {
			b := startBox(t, name+port, nil)
			b.upload("name", name)
			b.background(helper("serve", address))
			page, err := b.get(n)
			if err != nil || !strings.HasSuffix(page, name+" on e2b.local") {
				t.Errorf("%s at %s: got %q, %v", name, address, page, err)
			}
		}
	}
}

func TestNobodyListensIsRefused(t *testing.T) {
	b := startBox(t, "quiet", nil)
	if _, err := b.Dial(t.Context(), 3000); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: got %v, want connection refused", err)
	}
}

func TestCommandsRunAsAnUnprivilegedUserAtHome(t *testing.T) {
	b := startBox(t, "user", func(c *Config) { c.Env = map[string]string{"FROM": "settings"} })
	b.run("kill -TERM 1; kill -QUIT 1; kill -SEGV 1; kill -KILL 1; kill -STOP 1")
	for command, want := range map[string]string{
		"whoami":     "user\n",
		"pwd":        "/home/user\n",
		"echo ~user": "/home/user\n",
		"echo $FROM": "settings\n",
		"cat /proc/self/status | grep -c NoNewPrivs:.1": "1\n",
		"grep CapEff /proc/self/status":                 "CapEff:\t0000000000000000\n",
		"cat /proc/self/oom_score_adj":                  "500\n",
	} {
		if got, _ := b.run(command); got != want {
			t.Errorf("%s: got %q, want %q", command, got, want)
		}
	}
	b.upload("file", "x")
	if out, _ := b.run("stat -c %U:%G . file; id -u | grep -c ^0$"); out != "user:user\nuser:user\n0\n" {
		t.Errorf("owners of the home and a new file, and user id 0: got %q", out)
	}
	for _, command := range []string{"touch /etc/x", "touch /usr/x", "cd /root", "cat /etc/shadow", "cat /proc/1/environ", "readlink /proc/1/fd/3", "head -c 1 /proc/1/mem"} {
		if out, code := b.run(command); code == 0 {
			t.Errorf("%s: got %q, want a refusal", command, out)
		}
	}
}

func TestFilesOfTheMachineAndOfOthersAreOutOfReach(t *testing.T) {
	mine, other := startBox(t, "mine", nil), startBox(t, "other", nil)
	other.upload("secret", "theirs")
	for _, path := range []string{"/root/.", "/work", "/var/lib", "/sys/fs", "/home/user/secret", filepath.Join(other.config.Dir, "secret")} {
		if out, code := mine.run("ls -d " + path); code == 0 {
			t.Errorf("%s is seen: %q", path, out)
		}
	}
	if out, _ := mine.run("cat /proc/[0-9]*/comm | sort -u"); strings.Contains(out, "sandbox.test") {
		t.Errorf("processes of the machine are seen: %q", out)
	}
	if entries, _ := os.ReadDir(mine.config.Dir); len(entries) != 0 {
		t.Errorf("home: got %v, want nothing", entries)
	}
}

func TestTheFolderOutlivesTheSandbox(t *testing.T) {
	dir := t.TempDir()
	first := startBox(t, "first", func(c *Config) { c.Dir = dir })
	first.run("mkdir -p deep/down; echo hello > deep/down/file")
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	// Another id is another user on this machine: the files become theirs.
	second := startBox(t, "second", func(c *Config) { c.Dir = dir })
	if out, code := second.run("cat deep/down/file && echo more >> deep/down/file"); code != 0 || out != "hello\n" {
		t.Errorf("got %q, exit %d", out, code)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	b := startBox(t, "deaf", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Dial(ctx, 3000); !errors.Is(err, context.Canceled) {
		t.Errorf("dial: got %v, want context canceled", err)
	}
}

func TestAStartThatCannotBeTellsWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o644)
	if _, err := Start(t.Context(), Config{ID: "bad", Dir: file}); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("start on a file: got %v, want ENOTDIR", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Config{ID: "late", Dir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("start too late: got %v, want context canceled", err)
	}
}

func TestConnectionsEndWithTheSandbox(t *testing.T) {
	b := startBox(t, "cut", nil)
	b.background(helper("serve", "127.0.0.1:3000"))
	c, err := b.Dial(t.Context(), 3000)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read after kill: got %v, want an error", err)
	}
	if _, err := b.Dial(t.Context(), EnvdPort); !errors.Is(err, ErrStopped) {
		t.Errorf("dial after kill: got %v, want %v", err, ErrStopped)
	}
}
