package inplace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	rounds = 20
	// mostKills is how often one command is killed, at the most.
	mostKills = 3
)

// made is a project with all that makes trouble.
const made = `
mkdir -p src/a src/b empty .hidden node_modules/x/y node_modules/.cache packages/a/node_modules/z packages/a/src .venv/bin .cache 'a b/c' src-b
for i in $(seq 30); do echo "$i $RANDOM" >"src/a/file $i"; echo "$i" >"node_modules/x/y/$i"; done
head -c 300000 /dev/urandom >src/big
echo 1 >packages/a/index.js; chmod 755 packages/a/index.js; echo 2 >packages/a/node_modules/z/i.js; echo 3 >.venv/bin/python
echo 4 >$'-odd\nname'; echo 5 >'a b/c/ two  blanks '; echo 6 >-rf; echo 7 >src-b/x; echo 8 >$'src/\1\377'; echo 9 >'src/*'; echo 10 >.cache/x; echo 11 >'src/$(exit 9)"]['
mkdir -p $'odd\nfolder/node_modules/q'; echo 12 >$'odd\nfolder/node_modules/q/v'
ln -s src/a/file link; ln -s nowhere dangling; ln -s node_modules/x folder-link; ln "src/a/file 1" src/hard
chmod 700 empty; mkdir closed; echo >closed/x; chmod 400 closed/x; chmod 500 closed; chmod 600 'src/a/file 2'
`

// reinstalled is what a newer install makes, nested ones too.
const reinstalled = `
mkdir -p node_modules/new packages/a/node_modules/new packages/new/node_modules/c src/a/node_modules .venv/lib
for i in $(seq 20); do echo new >"node_modules/new/$i"; done; echo new >packages/a/node_modules/new/x
`

// changes are what a newer build may do to the code, each once or not at all.
var changes = []string{
	`echo changed >>"src/a/file 3"; echo changed >"src/a/file 4"`, `rm -f "src/a/file 5" "src/a/file 6"`, `chmod 755 "src/a/file 7"; chmod 777 empty; chmod 755 .hidden`,
	`rm "src/a/file 8"; mkdir "src/a/file 8"; echo y >"src/a/file 8/x"`, `mv src/b src/c; mv "src/a/file 9" "src/a/-file"`, `rm -r src/a`,
	`mkdir -p new/deep/.cache; echo z >new/deep/f; echo z >new/deep/.cache/f; ln -s /etc/passwd new/link`, `ln -sfn src-b link; rm dangling; mkdir dangling`,
	`rm $'-odd\nname'; mkdir -- $'-odd\nname'`, `chmod 700 closed; rm -f closed/x; echo w >closed/y; chmod 500 closed`, `rm -r empty; echo >empty`, `rm -f -- -rf './a b/c/ two  blanks '`,
	`mkdir locked; echo >locked/x; chmod 0 locked`, `echo in place >>src/hard`, `head -c 300000 /dev/urandom >src/big`,
}

// TestKilledAtAnyMomentNothingIsLost: whatever a newer build changes and wherever the
// commands are killed, the workspace is in the end what it was.
func TestKilledAtAnyMomentNothingIsLost(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	var kills atomic.Int64
	for round := range rounds {
		t.Run(fmt.Sprintf("seed %d, round %d", seed, round), func(t *testing.T) {
			t.Parallel()
			torture(t, rand.New(rand.NewPCG(seed, uint64(round))), &kills)
		})
	}
	t.Cleanup(func() {
		if t.Logf("%d kills", kills.Load()); kills.Load() < rounds {
			t.Errorf("only %d kills in %d rounds", kills.Load(), rounds)
		}
	})
}

func torture(t *testing.T, random *rand.Rand, kills *atomic.Int64) {
	p := newPlace(t)
	p.shell(made)
	if p.tree()["/closed"] == "" {
		t.Fatal("it is not made")
	}
	before := p.tree()
	hash, ok := Hash(p.tried(random, kills, "keep", Keep(p.workspace, p.keep, p.root, p.own)))
	if !ok {
		t.Fatal("no hash")
	}
	if random.IntN(2) == 0 {
		p.tried(random, kills, "aside", Aside(p.workspace, p.keep))
		p.shell(reinstalled)
	}
	done := slices.Clone(changes)
	random.Shuffle(len(done), func(i, j int) { done[i], done[j] = done[j], done[i] })
	done = done[:random.IntN(len(done)+1)]
	for i, change := range done {
		done[i] = "{ " + change + "; } 2>/dev/null" // others may have taken what it is to change
	}
	p.shell("set +e\n" + strings.Join(done, "\n") + "\ntrue")
	p.tried(random, kills, "back", Back(p.workspace, p.keep, hash))
	p.same(before, p.tree())
	if t.Failed() {
		t.Logf("after %q", done)
	}
}

// tried runs a command to its end, after it was killed at random moments.
func (p place) tried(random *rand.Rand, kills *atomic.Int64, what, text string) []byte {
	p.Helper()
	killed := 0
	for {
		cmd := p.command(text)
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		if err := cmd.Start(); err != nil {
			p.Fatal(err)
		}
		var end *time.Timer
		if killed < mostKills {
			end = time.AfterFunc(time.Duration(random.IntN(80_000))*time.Microsecond, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		}
		err := cmd.Wait()
		if err == nil {
			return out.Bytes()
		}
		if end == nil || end.Stop() {
			p.Fatalf("%s: %v: %s", what, err, said.Bytes())
		}
		killed++
		kills.Add(1)
	}
}
