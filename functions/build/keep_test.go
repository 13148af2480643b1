package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

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
