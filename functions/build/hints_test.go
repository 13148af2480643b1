package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"siesta/local/e2bsim/sandbox"
	"siesta/shared/job"
)

// TestAFailureNamesTheHintThatWouldHaveHelped, where the request left it to us.
func TestAFailureNamesTheHintThatWouldHaveHelped(t *testing.T) {
	const serves = "// createServer\n"
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		files map[string]string
		own   job.Commands
		want  string
	}{
		"nothing is recognized": {map[string]string{"README.md": "x"}, job.Commands{}, "Nothing in the source says how to start this app. " + hintNothing},
		"an install that is ours": {map[string]string{"package.json": `{"scripts":{"preinstall":"exit 1","dev":"node a.js"}}`}, job.Commands{},
			"Installing dependencies failed with exit code 1. " + hintInstall + " Its last output was:\n"},
		"an install of its own": {map[string]string{"index.html": "x"}, job.Commands{Install: text("echo bye; exit 3")},
			"Installing dependencies failed with exit code 3. Its last output was:\nbye"},
		"a start that is ours": {map[string]string{"server.js": serves + `console.log("bye"); process.exit(3)`}, job.Commands{},
			"The server stopped with exit code 3. " + hintStart + " Its last output was:\nbye"},
		"a start of its own": {map[string]string{"README.md": "x"}, job.Commands{Start: text("echo bye; exit 3")}, "The server stopped with exit code 3. Its last output was:\nbye"},
		"a start that never listens": {map[string]string{"server.js": serves + `console.log("up"); setInterval(() => {}, 1e6)`}, job.Commands{},
			"The app gave no answer on port 3000 within 3m0s of its start. " + hintStart + " Its last output was:\nup"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := bare(c.files)
			r.Commands = c.own
			id := b.accept(r).ID
			if strings.Contains(c.want, "3m0s") {
				b.Run(b.at(id, job.Checks), "until [ -s .siesta/*/*-start/out.100000000 ]; do sleep 0.01; done")
				b.Pass(answerWithin)
			}
			b.wantFailed(id, c.want)
		})
	}
}

func (b *fixture) wantFailed(id, want string) {
	b.T.Helper()
	row := b.until(id, "finished", func(j job.Job) bool { return j.Status.Terminal() })
	if row.Status != job.Failed || !strings.HasPrefix(row.ErrorMessage, want) {
		b.T.Errorf("the job is %s: %s\nwant %s", row.Status, row.ErrorMessage, want)
	}
}

// TestWhatACommandLackedIsSaid: a sandbox has so much disk and memory, and what
// programs print of a lack of them is many words long.
func TestWhatACommandLackedIsSaid(t *testing.T) {
	const full = "head -c 100000 /dev/zero >/dev/full"
	for name, c := range map[string]struct{ install, start, want string }{
		"disk of an install":   {full, "", "Installing dependencies failed with exit code 1. " + diskIsFull + " Its last output was:\n"},
		"disk of a start":      {"", full, "The server stopped with exit code 1. " + diskIsFull + " Its last output was:\n"},
		"watchers":             {"echo 'Error: ENOSPC: System limit for number of file watchers reached, no space left on device'; exit 1", "", "Installing dependencies failed with exit code 1. Its last output was:\nError: ENOSPC"},
		"memory of an install": {"(kill -9 $BASHPID)", "", "Installing dependencies failed with exit code 137. " + hintKilled},
		"memory of a start":    {"", "(kill -9 $BASHPID)", "The server stopped with exit code 137. " + hintKilled},
		"memory of Node":       {"", `node --max-old-space-size=20 -e 'for (const a = [];;) a.push(new Array(1e4).fill({}))'`, "The server stopped with exit code 134. " + hintMemory},
		"memory of a program":  {"ulimit -v 200000; head -c 600M /dev/zero | tail -c 600M >/dev/null", "", "Installing dependencies failed with exit code 1. " + hintMemory},
		"a command and all":    {"kill -9 -$(cut -d' ' -f1 ../.siesta/*/*-install/pid) $PPID; sleep 1000", "", "Installing dependencies failed: it was killed before it ended. " + hintKilled},
		"memory of a script":   {"(sh -c 'kill -9 $$'; true); echo '[0] Killed'; exit 1", "", "Installing dependencies failed with exit code 1. " + hintKilled},
		"memory by a runner":   {"", "echo 'error: script \"dev\" was terminated by signal SIGKILL'; exit 1", "The server stopped with exit code 1. " + hintKilled},
		"no kill at all":       {"echo 'Killed 137 flies'; exit 1", "", "Installing dependencies failed with exit code 1. Its last output was:\nKilled 137 flies"},
		"a program":            {"no-such-program", "", "Installing dependencies failed with exit code 127. " + hintTemplate},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := page()
			r.Commands.Install = &c.install
			if c.start != "" {
				r.Commands.Start = &c.start
			}
			b.wantFailed(b.accept(r).ID, c.want)
		})
	}
}

// TestAKillBelowACommandIsSaid: npm, Next and others end in a way of their own, some
// well and without a word, when the kernel ends what they have started.
func TestAKillBelowACommandIsSaid(t *testing.T) {
	const grows = "{ head -c 600M /dev/zero | tail -c 600M >/dev/null; } 2>&1 | grep exhausted; exit " // which it says where only a process has a limit
	for name, c := range map[string]struct{ install, start, want string }{
		"of an install":  {grows + "1", "", "Installing dependencies failed with exit code 1. " + hintMemory},
		"of a start":     {"", grows + "1", "The server stopped with exit code 1. " + hintMemory},
		"that ends well": {"", grows + "0", "The server stopped with exit code 0. " + hintMemory},
	} {
		t.Run(name, func(t *testing.T) {
			b := setupIn(t, sandbox.Limits{Memory: 128 << 20})
			r := page()
			r.Commands.Install = &c.install
			if c.start != "" {
				r.Commands.Start = &c.start
			}
			id := b.accept(r).ID
			b.wantFailed(id, c.want)
			if row := b.Row(id); row.CompletedAt.Sub(row.StartedAt) > failsWithin {
				t.Errorf("it took %v", row.CompletedAt.Sub(row.StartedAt))
			}
		})
	}
}

// TestAStartThatLeavesNobodyFailsSoon: who could still answer?
func TestAStartThatLeavesNobodyFailsSoon(t *testing.T) {
	for start, want := range map[string]string{
		"echo bye":               "The server stopped with exit code 0. Its last output was:\nbye",
		"sleep 100000 & echo up": "The start command ended, and the app gave no answer on port 3000 within 3m0s of its start. Its last output was:\nup",
	} {
		t.Run(start, func(t *testing.T) {
			b := setup(t)
			j := b.at(b.spent(starts(start), 0).ID, job.Checks)
			b.Run(j, "until [ -s .siesta/*/*-start/exit ]; do sleep 0.01; done")
			b.deliver()
			if row := b.Row(j.ID); row.Status.Terminal() {
				t.Fatalf("the job is %s at once: %s", row.Status, row.ErrorMessage)
			}
			b.Pass(failsWithin)
			b.deliver()
			if soon := strings.HasPrefix(want, "The server stopped"); b.Row(j.ID).Status.Terminal() != soon {
				t.Errorf("it fails soon: %v", !soon)
			}
			b.Pass(answerWithin)
			b.wantFailed(j.ID, want)
		})
	}
}

// TestTheDocumentHasTheHints: whoever reads one finds it there.
func TestTheDocumentHasTheHints(t *testing.T) {
	document, err := os.ReadFile("../../docs/builds.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "hints.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	hints := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		hints++
		words, err := strconv.Unquote(literal.Value)
		if shown := strings.ReplaceAll(words, "%s", "N"); err != nil || !strings.Contains(string(document), "| "+shown+" |") {
			t.Errorf("%s is not in docs/builds.md: %s", spec.Names[0], words)
		}
		return true
	})
	if hints < 10 {
		t.Errorf("hints.go has %d hints", hints)
	}
}
