package sandbox

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// asRoot makes a request about a file in root's name.
func (b *box) asRoot(method, path, text string) (status int, body string) {
	b.t.Helper()
	req, err := http.NewRequest(method, "http://envd/files?username=root&path="+url.QueryEscape(path), strings.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// TestRootsFilesAreOutOfTheUsersReach: commands may read what root wrote, and do
// no more to it. Without a user id to give up there is no root, and its files are
// the user's.
func TestRootsFilesAreOutOfTheUsersReach(t *testing.T) {
	b := startBox(t, "roots", nil)
	for _, path := range []string{"kept/deep/mark", "/home/user/kept/deep/mark"} {
		if status, body := b.asRoot("POST", path, "one"); status != http.StatusOK {
			t.Fatalf("write: got %d %s", status, body)
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	if out, _ := b.run("cat kept/deep/mark; stat -c %U:%a kept kept/deep kept/deep/mark"); out != "oneroot:755\nroot:755\nroot:644\n" {
		t.Errorf("got %q, want what root wrote, and root's", out)
	}
	for _, command := range []string{"echo two > kept/deep/mark", "rm -f kept/deep/mark", "chmod 777 kept", "mv kept/deep kept/other"} {
		if out, code := b.run(command); code == 0 {
			t.Errorf("%s: got %q, want a refusal", command, out)
		}
	}
	b.run("mkdir own; echo mine > own/file; chmod 000 own own/file")
	if status, body := b.asRoot("GET", "own/file", ""); status != http.StatusOK || body != "mine\n" {
		t.Errorf("read: got %d %q, want what the user closed to itself", status, body)
	}
	// Nor does root leave the sandbox's own files.
	b.run("ln -s /etc out; ln -s /etc/shadow shadow; ln -s /proc/1/environ environ")
	for _, path := range []string{"out/x", "/etc/x", "/root/x", "/usr/x"} {
		if status, body := b.asRoot("POST", path, "x"); status == http.StatusOK {
			t.Errorf("write %s: got %s, want a refusal", path, body)
		}
	}
	for _, path := range []string{"shadow", "out/shadow", "/etc/shadow", "environ", "/proc/1/environ"} {
		if status, body := b.asRoot("GET", path, ""); status == http.StatusOK {
			t.Errorf("read %s: got %q, want a refusal", path, body)
		}
	}
	if out, _ := b.run("grep CapEff /proc/self/status"); out != "CapEff:\t0000000000000000\n" {
		t.Errorf("a command has root's power: %q", out)
	}
	if err := b.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := b.Thaw(); err != nil {
		t.Fatal(err)
	}
	if status, body := b.asRoot("POST", "kept/deep/mark", "two"); status != http.StatusOK {
		t.Errorf("after a pause: got %d %s", status, body)
	}
}
