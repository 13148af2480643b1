package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/functions/build/inplace"
	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/sqs"
)

// kept is what is kept of a job's code: the content, or where a link leads, by
// name.
func (b *fixture) keptOf(j job.Job) map[string]string {
	b.T.Helper()
	object, err := b.Kept.Get(b.T.Context(), j.SourceKey)
	b.OK(err)
	defer object.Close()
	unzipped, err := gzip.NewReader(object)
	b.OK(err)
	all := map[string]string{}
	for r := tar.NewReader(unzipped); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		b.OK(err)
		content, err := io.ReadAll(r)
		b.OK(err)
		all[header.Name] = string(content) + header.Linkname
	}
}

// generated is page with code that its own generator writes.
func generated(command string) job.Request {
	r := page()
	r.Commands.Generate = &command
	return r
}

// What a version is made of is what was sent and what was generated, without what
// is installed.
func TestTheCodeIsKeptAsItWasBeforeTheInstall(t *testing.T) {
	b := setup(t)
	r := generated(`mkdir -p "an empty folder" node_modules/x src/__pycache__ && echo 1 >node_modules/x/a && echo 1 >src/__pycache__/b && ln -s index.html link && echo run >run.sh && chmod 755 run.sh`)
	r.Source.Files = map[string]job.File{"index.html": {Content: []byte("hello")}, "src/a b.js": {Content: []byte("\x00\xff")}}
	install := "echo 2 >index.html; echo 1 >package-lock.json"
	r.Commands.Install = &install
	j := b.ready(b.accept(r).ID)
	want := map[string]string{
		"./index.html": "hello", "./src/": "", "./src/a b.js": "\x00\xff", "./link": "index.html", "./run.sh": "run\n", "./an empty folder/": "",
	}
	if got := b.keptOf(j); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("kept is %q, want %q", got, want)
	}
	if !strings.Contains(j.SourceKey, "/"+j.ProjectID+"/"+j.ID+"/") || strings.Contains(j.SourceKey, alice) {
		t.Errorf("it is kept at %q", j.SourceKey)
	}
}

// The object is there before the row names it, however often the store gives no
// answer; and a store that refuses ends no build.
func TestABuildGoesOnWithAStoreThatFails(t *testing.T) {
	t.Run("for a while", func(t *testing.T) {
		b := setup(t)
		calls := 0
		b.S3.Instead(func(w http.ResponseWriter, r *http.Request) {
			if calls++; calls == 2 {
				b.S3.Instead(nil)
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		id := b.accept(page()).ID
		b.deliver()
		if row := b.Row(id); row.Status != job.Code || row.SourceKey != "" {
			t.Errorf("without an answer the job is at %s, and its code at %q", row.Status, row.SourceKey)
		}
		if j := b.ready(id); !j.Kept() || len(b.keptOf(j)) != 0 || j.Crashes != 0 {
			t.Errorf("its code is at %q, and there were %d crashes", j.SourceKey, j.Crashes)
		}
	})
	t.Run("for good", func(t *testing.T) {
		b := setup(t)
		b.S3.Instead(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code></Error>")
		})
		if j := b.ready(b.accept(page()).ID); j.SourceKey != job.SourceNone {
			t.Errorf("its code is at %q", j.SourceKey)
		}
	})
	t.Run("that there is none of", func(t *testing.T) {
		b := setup(t)
		b.kept = nil
		if j := b.ready(b.accept(page()).ID); j.SourceKey != job.SourceNone {
			t.Errorf("its code is at %q", j.SourceKey)
		}
	})
}

// Whoever holds an archive back, or lets half of it through, shares the sandbox with
// the app: that costs a look, and the next turn has all of it.
func TestAnArchiveThatIsHeldBackHoldsNoTurn(t *testing.T) {
	b := setup(t)
	id := b.accept(generated("echo hello >index.html")).ID
	b.hang(e2bsim.Files, 1)
	for range 2 {
		if again := b.deliver(); again != 0 {
			t.Errorf("the message comes again in %v", again)
		}
	}
	if row := b.Row(id); row.Status != job.Code || row.Turn != 2 || row.SourceKey != "" {
		t.Errorf("the job is %s at turn %d, its code at %q", row.Status, row.Turn, row.SourceKey)
	}
	b.wantCheap(turnPoll+2*lookTime, 15*time.Second)
	b.E2B.ClearFaults()
	b.Fault(e2bsim.Fault{Call: e2bsim.Files, Action: e2bsim.CutHalfway})
	j := b.ready(id)
	if got := b.keptOf(j)["./index.html"]; got != "hello\n" || j.Crashes != 0 {
		t.Errorf("kept is %q, and there were %d crashes", got, j.Crashes)
	}
}

// One that was made larger behind the script's back is not kept.
func TestAnArchiveThatGrewIsNotKept(t *testing.T) {
	b := setup(t)
	b.S3.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	id := b.accept(page()).ID
	b.deliver()
	b.Run(b.Row(id), "head -c 104857601 /dev/zero >$(echo .siesta/*/*-capture/code.tar.gz)")
	b.S3.Instead(nil)
	if j := b.ready(id); j.SourceKey != job.SourceNone {
		t.Errorf("its code is at %q", j.SourceKey)
	}
}

// logsOf is all that a job's log stream holds, as Redis tells it.
func (b *fixture) logsOf(id string) string {
	b.T.Helper()
	address, err := url.Parse(b.redis)
	b.OK(err)
	network, host := "tcp", address.Host
	if address.Scheme == "unix" {
		network, host = "unix", address.Path
	}
	c, err := net.Dial(network, host)
	b.OK(err)
	defer c.Close()
	_, err = fmt.Fprintf(c, "XRANGE job:%s:logs - +\r\nQUIT\r\n", id)
	b.OK(err)
	all, err := io.ReadAll(c)
	b.OK(err)
	return string(all)
}

// What is too large, and a template without GNU tar, are no failures, and the log
// says so.
func TestCodeThatCannotBeKeptIsSaid(t *testing.T) {
	b := setup(t)
	for command, want := range map[string]string{
		"head -c 110000000 /dev/urandom >big": "over 100 MB",
		"mkdir sealed && chmod 0 sealed":      "could not be packed",
	} {
		id := b.accept(generated(command)).ID
		if b.deliver(); !b.Row(id).Status.Terminal() {
			b.Run(b.Row(id), "until [ -e .siesta/*/*-capture/exit ]; do sleep 0.05; done")
		}
		j := b.ready(id)
		if log := b.logsOf(j.ID); j.SourceKey != job.SourceNone || !strings.Contains(log, want) {
			t.Errorf("%s: its code is at %q, and the log says %s", command, j.SourceKey, log)
		}
	}
}

// The same code makes the same archive.
func TestTheSameCodeIsPackedAlike(t *testing.T) {
	b := setup(t)
	hash := func() string {
		r := page()
		r.Source.Files = map[string]job.File{"b": {Content: []byte("1")}, "a/c": {Content: []byte("2")}}
		key := b.ready(b.accept(r).ID).SourceKey
		return key[strings.LastIndexByte(key, '/'):]
	}
	if first, second := hash(), hash(); first != second {
		t.Errorf("got %s, then %s", first, second)
	}
}

// rebuild is a job that builds another's version again.
func (b *fixture) rebuild(base job.Job, generate *string) job.Job {
	b.T.Helper()
	n := functiontest.NewJob()
	n.Request = page()
	n.Request.ProjectID, n.Request.Commands.Generate = base.ProjectID, generate
	n.BaseJobID, n.Rebuild = base.ID, true
	j := b.Accept(n)
	b.OK(b.builds.SendBuild(b.T.Context(), sqs.BuildMessage{JobID: j.ID}, 0))
	return j
}

// A version is built again in a sandbox of its own, as it was: what the template
// has in its place goes, but not the dependencies that it brings.
func TestARebuildHasTheCodeOfItsBase(t *testing.T) {
	b := setup(t)
	r := generated(`ln -s index.html link && mkdir -p empty && printf hi >run.sh && chmod 750 run.sh`)
	r.Source.Files = map[string]job.File{"index.html": {Content: []byte("hello")}}
	base := b.ready(b.accept(r).ID)
	id := b.rebuild(base, nil).ID
	j := b.until(id, "in a sandbox", func(j job.Job) bool { return j.Status != job.Queued && j.SandboxID != "" })
	if j.SandboxID == base.SandboxID {
		t.Fatal("it has its base's sandbox")
	}
	j = b.ready(id)
	const look = `cd project && stat -c '%n %F %a' * && cat index.html run.sh && readlink link`
	if got, want := b.Run(j, look), b.Run(base, look); got != want {
		t.Errorf("it has\n%s\nwant\n%s", got, want)
	}
	if j.SourceKey == base.SourceKey || fmt.Sprint(b.keptOf(j)) != fmt.Sprint(b.keptOf(base)) {
		t.Errorf("its own code is kept at %q", j.SourceKey)
	}
}

// What a template has in the workspace goes, but for the dependencies that it
// brings.
func TestTheBaseReplacesWhatATemplateHas(t *testing.T) {
	t.Parallel()
	from := t.TempDir() + "/code.tar.gz"
	packed := archive(t)
	if err := os.WriteFile(from, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	workspace := t.TempDir()
	for name, content := range map[string]string{"index.html": "old", "src/a/old.js": "x", "node_modules/x/index.js": "x", "app/node_modules/y/z": "x", "app/old": "x"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(workspace+"/"+name), 0o755), os.WriteFile(workspace+"/"+name, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/bin/bash", "-c", fmt.Sprintf("from=%s hash=%x\n%s", from, sha256.Sum256(packed), inplace.Folders+baseScript))
	cmd.Dir = workspace
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got []string
	err := filepath.WalkDir(workspace, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			got = append(got, strings.TrimPrefix(name, workspace+"/"))
		}
		return err
	})
	if want := "[app/node_modules/y/z index.html node_modules/x/index.js]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("it has %v, %v, want %s", got, err, want)
	}
	if _, err := os.Stat(workspace + "/src"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder is left: %v", err)
	}
}

func TestARebuildWithoutTheCodeFailsInWords(t *testing.T) {
	for name, spoil := range map[string]func(b *fixture, base job.Job){
		"deleted with its version": func(b *fixture, base job.Job) { b.Set(base.ID, "deleted_at = now()") },
		"expired":                  func(b *fixture, base job.Job) { b.OK(b.Kept.Delete(b.T.Context(), base.SourceKey)) },
		"not stored":               func(b *fixture, base job.Job) { b.Set(base.ID, "source_key = 'none'") },
		"damaged": func(b *fixture, base job.Job) {
			b.S3.Instead(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					_, _ = io.Copy(w, bytes.NewReader(archive(b.T.(*testing.T))))
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			base := b.ready(b.accept(page()).ID)
			j := b.rebuild(base, nil)
			spoil(b, base)
			j = b.until(j.ID, "finished", func(j job.Job) bool { return j.Status.Terminal() })
			if j.Status != job.Failed || !strings.Contains(j.ErrorMessage, "kept") {
				t.Errorf("the job is %s: %s", j.Status, j.ErrorMessage)
			}
			if base = b.Row(base.ID); base.Status != job.Ready || base.SandboxState != job.SandboxRunning {
				t.Errorf("its base is %s, and its sandbox %s", base.Status, base.SandboxState)
			}
		})
	}
}
