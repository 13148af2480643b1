package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// freezers runs a test with every way of freezing that this machine has.
func freezers(t *testing.T, test func(t *testing.T, h host, bySignal bool)) {
	h := thisHost()
	t.Run("signal", func(t *testing.T) { test(t, h, true) })
	for name, groups := range map[string]hierarchies{"v1": findV1(h.groups), "v2": h.groups} {
		if groups.freezer != "" && groups.freezerV2 == (name == "v2") {
			h.groups = groups
			t.Run(name, func(t *testing.T) { test(t, h, false) })
		}
	}
}

// findV1 swaps the freezer for a version 1 one, where the machine has both.
func findV1(h hierarchies) hierarchies {
	h.freezer, h.freezerV2 = "", false
	if dir := "/sys/fs/cgroup/freezer"; isDir(dir) && usable(dir) {
		h.freezer = dir
	}
	return h
}

func startFreezable(t *testing.T, h host, bySignal bool) *box {
	t.Helper()
	s, err := start(t.Context(), Config{ID: "freeze", Dir: t.TempDir(), Files: []string{self}, FreezeBySignal: bySignal}, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Kill() })
	return newBox(t, s)
}

func TestFrozenMeansThatNothingRuns(t *testing.T) {
	freezers(t, func(t *testing.T, h host, bySignal bool) {
		b, other := startFreezable(t, h, bySignal), startBox(t, "awake", nil)
		b.background("setsid sh -c 'while :; do echo >> log; done' & until [ -s log ]; do :; done; echo going")
		log := filepath.Join(b.config.Dir, "log")
		if err := b.Freeze(); err != nil {
			t.Fatal(err)
		}
		before := size(t, log)
		// What another sandbox does meanwhile leaves a running process time to be
		// caught.
		for range 5 {
			other.run("ls -laR /usr/share/doc >/dev/null")
		}
		if after := size(t, log); after != before {
			t.Errorf("the log grew from %d to %d bytes in a frozen sandbox", before, after)
		}
		if err := b.Thaw(); err != nil {
			t.Fatal(err)
		}
		if out, code := b.run(fmt.Sprintf("until [ $(stat -c %%s log) -gt %d ]; do :; done; echo grows", before)); code != 0 || out != "grows\n" {
			t.Errorf("after thawing: got %q, exit %d", out, code)
		}
	})
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestAFrozenSandboxIsNotReached(t *testing.T) {
	freezers(t, func(t *testing.T, h host, bySignal bool) {
		b := startFreezable(t, h, bySignal)
		b.background(helper("serve", "127.0.0.1:3000"))
		open, err := b.Dial(t.Context(), 3000)
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		if err := errors.Join(b.Freeze(), b.Freeze()); err != nil {
			t.Fatal(err)
		}
		open.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := open.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("read on a connection from before: got %v, want it cut", err)
		}
		for _, port := range []int{3000, EnvdPort} {
			if _, err := b.Dial(t.Context(), port); !errors.Is(err, ErrFrozen) {
				t.Errorf("dial %d: got %v, want %v", port, err, ErrFrozen)
			}
		}
		if err := errors.Join(b.Thaw(), b.Thaw()); err != nil {
			t.Fatal(err)
		}
		if page, err := b.get(3000); err != nil || page == "" {
			t.Errorf("the server after thawing: got %q, %v", page, err)
		}
	})
}

func TestATimeLimitStandsStillWhileFrozen(t *testing.T) {
	freezers(t, func(t *testing.T, h host, bySignal bool) {
		b := startFreezable(t, h, bySignal)
		request := shell("echo up; until [ -e go ]; do sleep 0.01; done; echo through > result; sleep 1000")
		const limit = 3 * time.Second // room for what runs before and after the freeze
		request.Header().Set("Connect-Timeout-Ms", fmt.Sprint(limit.Milliseconds()))
		stream, err := b.processes.Start(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for stream.Receive() && len(stream.Msg().GetEvent().GetData().GetStdout()) == 0 {
		}
		// The stream stays open: neither its end nor its own deadline is the limit.
		defer stream.Close()
		if err := b.Freeze(); err != nil {
			t.Fatal(err)
		}
		// The very time is under test: it passes outside and not inside.
		<-time.After(limit)
		if err := os.WriteFile(filepath.Join(b.config.Dir, "go"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := b.Thaw(); err != nil {
			t.Fatal(err)
		}
		if out, _ := b.run("for i in $(seq 1000); do [ ! -s result ] || break; sleep 0.01; done; cat result"); out != "through\n" {
			t.Errorf("the command after thawing: got %q, want it alive", out)
		}
	})
}
