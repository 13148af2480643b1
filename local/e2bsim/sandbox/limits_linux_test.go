package sandbox

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

func TestARunawayIsKilledAndTheSandboxGoesOn(t *testing.T) {
	without := thisHost()
	without.groups.memory = ""
	for name, h := range map[string]host{"group": thisHost(), "each process": without} {
		t.Run(name, func(t *testing.T) {
			s, err := start(t.Context(), Config{ID: "hog", Dir: t.TempDir(), Files: []string{self}, Limits: Limits{Memory: 128 << 20}}, h)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Kill()
			b := newBox(t, s)
			// tail holds all that it may still have to print.
			const take = "head -c %[1]dM /dev/zero | tail -c %[1]dM | wc -c"
			if out, _ := b.run(fmt.Sprintf(take, 600)); strings.Contains(out, fmt.Sprint(600<<20)) {
				t.Errorf("a command took 600 MiB: %q", out)
			}
			// Each sandbox has a kernel of its own, where E2B's are.
			const count = "grep '^oom_kill ' /proc/vmstat"
			if out, _ := b.run(count); (out == "oom_kill 1\n") != (h.groups.memory != "") {
				t.Errorf("of its kills it sees %q", out)
			}
			if out, _ := startBox(t, "other", nil).run(count); out != "oom_kill 0\n" {
				t.Errorf("of another's it sees %q", out)
			}
			if out, _ := b.run(fmt.Sprintf(take, 20)); out != fmt.Sprintln(20<<20) {
				t.Errorf("a small command afterwards: got %q", out)
			}
		})
	}
}

// TestProgramsSeeTheSandboxsMemory: they use as much as they see.
func TestProgramsSeeTheSandboxsMemory(t *testing.T) {
	b := startBox(t, "small", func(c *Config) { c.Limits.Memory = 512 << 20 })
	if out, _ := b.run("awk '/MemTotal/ { print $2 }' /proc/meminfo"); out != "524288\n" {
		t.Errorf("got %q kB", out)
	}
}

func TestTooManyProcessesAreRefusedAndEnvdGoesOn(t *testing.T) {
	b := startBox(t, "many", func(c *Config) { c.Limits.Processes = 40 })
	// Not bash, which tries again for a long time.
	out, code := b.run("exec sh -c 'for i in $(seq 100); do sleep 1000 </dev/null >/dev/null 2>&1 & done'")
	if code == 0 || !strings.Contains(out, "fork") {
		t.Errorf("a hundred processes: got %q, exit %d, want a refusal", out, code)
	}
	for range 5 {
		b.upload("still", "here")
	}
	// The limit is this sandbox's own.
	if _, code := startBox(t, "few", func(c *Config) { c.Limits.Processes = 40 }).run("ls | cat"); code != 0 {
		t.Errorf("another sandbox: exit %d", code)
	}
}

func TestTheNetworkLeadsOutAndNotToTheMachine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	closed := startBox(t, "closed", nil)
	if out, _ := closed.run("cat /proc/net/route | tail -n +2; grep nameserver /etc/resolv.conf"); out != "" {
		t.Errorf("without a network: got %q", out)
	}
	b := startBox(t, "open", func(c *Config) { c.Outbound = true })
	for range 2 {
		for _, address := range []string{"10.0.2.2", "127.0.0.1"} {
			if out, code := b.run("exec 3<>/dev/tcp/" + address + "/" + port); code == 0 {
				t.Errorf("the machine's own loopback is reached at %s: %q", address, out)
			}
		}
		out, _ := b.run("cat /proc/net/route; cat /etc/resolv.conf")
		if got, want := strings.Contains(out, "tap0\t00000000\t0202000A"), thisHost().slirp != ""; got != want {
			t.Errorf("default route: got %t, want %t: %q", got, want, out)
		}
		if got, want := strings.Contains(out, "nameserver"), thisHost().slirp != ""; got != want {
			t.Errorf("resolver: got %t, want %t: %q", got, want, out)
		}
		b.Freeze()
		b.Thaw()
	}
}
