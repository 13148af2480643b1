package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// keptLog is what the archive holds of a job's log, a line of text each, with its
// phase; "" is none.
func (b *fixture) keptLog(j job.Job) string {
	b.T.Helper()
	there, err := b.LogStore.Has(b.T.Context(), job.LogKey(j.UserID, j.ID))
	b.OK(err)
	if !there {
		return ""
	}
	object, err := b.LogStore.Get(b.T.Context(), job.LogKey(j.UserID, j.ID))
	b.OK(err)
	defer object.Close()
	unzipped, err := gzip.NewReader(object)
	b.OK(err)
	var all strings.Builder
	for lines := bufio.NewScanner(unzipped); lines.Scan(); {
		var line job.LogLine
		b.OK(json.Unmarshal(lines.Bytes(), &line))
		all.WriteString(line.Phase + " " + line.Text + "\n")
	}
	return all.String()
}

// printing is page whose install prints.
func printing(command string) job.Request {
	r := page()
	r.Commands.Install = &command
	return r
}

// The log of a finished job outlives the cache, whole and without secrets.
func TestALogIsKeptAtTheEnd(t *testing.T) {
	b := setup(t)
	r := printing("echo one; echo my $MINE; echo sk-proj-0123456789abcdefXYZ; echo two")
	r.Env = map[string]string{"MINE": "correct-horse"}
	j := b.ready(b.accept(r).ID)
	kept := b.keptLog(j)
	for _, want := range []string{"install one\n", "install two\n", "install my ***\n", "checks Starting the server"} {
		if !strings.Contains(kept, want) {
			t.Errorf("kept is %q, want %q in it", kept, want)
		}
	}
	for _, secret := range []string{"correct-horse", "abcdefXYZ"} {
		if strings.Contains(kept, secret) {
			t.Errorf("kept is %q", kept)
		}
	}
}

// atArchive answers calls for logs in the store's place.
func (b *fixture) atArchive(answer func(w http.ResponseWriter, r *http.Request)) {
	b.S3.Instead(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/logs/") {
			answer(w, r)
			return
		}
		b.S3.Handler.ServeHTTP(w, r)
	})
}

// ended delivers until the job is finished.
func (b *fixture) ended(id string) job.Job {
	b.T.Helper()
	return b.until(id, "finished", func(j job.Job) bool { return j.Status.Terminal() })
}

// A row that says how a job ended has its log kept; and a turn that dies between
// the two is followed by one that keeps it again.
func TestALogIsKeptBeforeTheRowSaysSo(t *testing.T) {
	for name, c := range map[string]struct{ install, last string }{
		"ready":  {"echo hello", "checks Starting the server"},
		"failed": {"echo hello; exit 3", "BUILD FAILED: Installing dependencies failed with exit code 3."},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			id, puts := b.accept(printing(c.install)).ID, 0
			b.atArchive(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					if puts++; b.Row(id).Status.Terminal() {
						t.Error("the row is finished before its log is kept")
					}
				}
				b.S3.Handler.ServeHTTP(w, r)
				if r.Method == http.MethodPut && puts == 1 {
					b.Proxy.Down()
				}
			})
			for puts == 0 {
				b.deliver()
			}
			b.Proxy.Up(t)
			if row := b.Row(id); row.Status.Terminal() || !strings.Contains(b.keptLog(row), c.last) {
				t.Errorf("after the crash the job is %s, and its log %q", row.Status, b.keptLog(row))
			}
			j := b.ended(id)
			if kept := b.keptLog(j); puts != 2 || string(j.Status) != name || !strings.Contains(kept, "install hello\n") || !strings.Contains(kept, c.last) {
				t.Errorf("the job is %s, %d times kept is %q", j.Status, puts, kept)
			}
		})
	}
}

// No build waits for the store of logs, or fails by it.
func TestABuildEndsWithoutTheStoreOfLogs(t *testing.T) {
	var waited atomic.Int64 // the longest
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"refuses": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code></Error>")
		},
		"says nothing": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client is gone
			began := time.Now()
			<-r.Context().Done()
			waited.Store(max(waited.Load(), int64(time.Since(began))))
		},
	} {
		for want, command := range map[job.Status]string{job.Ready: "true", job.Failed: "exit 3"} {
			t.Run(name+" at "+string(want), func(t *testing.T) {
				b := setup(t)
				b.atArchive(answer)
				j := b.ended(b.accept(printing(command)).ID)
				if w := time.Duration(waited.Load()); w > archiveTime+3*time.Second {
					t.Errorf("it waited %s", w)
				}
				if j.Status != want || j.Crashes != 0 {
					t.Errorf("the job is %s, with %d crashes: %s", j.Status, j.Crashes, j.ErrorMessage)
				}
				if log := b.logsOf(j.ID); !strings.Contains(log, "here for a day") {
					t.Errorf("its log does not say that it is not kept: %s", log)
				}
				if !strings.Contains(b.Log.String(), "log is not kept") {
					t.Error("nor does the function's")
				}
			})
		}
	}
	t.Run("is none", func(t *testing.T) {
		b := setup(t)
		b.logStore = nil
		if j := b.ready(b.accept(page()).ID); b.keptLog(j) != "" {
			t.Error("it is kept")
		}
	})
}

// A log that was on its way when its job was deleted does not stay.
func TestALogOfAJobDeletedMeanwhileGoes(t *testing.T) {
	b := setup(t)
	id, deleted := b.accept(page()).ID, false
	b.atArchive(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && !deleted {
			deleted = true
			b.Must(b.Rows.Cancel(t.Context(), id, "Deleted by user", "d"))
			b.Must(b.Rows.Delete(t.Context(), id))
		}
		b.S3.Handler.ServeHTTP(w, r)
	})
	for !deleted {
		b.deliver()
	}
	if kept := b.keptLog(b.Row(id)); kept != "" {
		t.Errorf("kept is %q", kept)
	}
}

// Who cancels a job keeps no log: the next message about it does, be it a turn that is
// under way or one that comes later. A deleted one's is left alone.
func TestALogOfACancelledJobIsKept(t *testing.T) {
	for name, deleted := range map[string]bool{"cancelled": false, "deleted": true} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			end := func(id string) {
				b.Must(b.Rows.Cancel(t.Context(), id, "Cancelled by user", "d"))
				if deleted {
					b.Must(b.Rows.Delete(t.Context(), id))
				}
			}
			check := func(when string, id string) {
				t.Helper()
				if kept := b.keptLog(b.Row(id)); strings.Contains(kept, "Installing dependencies") == deleted {
					t.Errorf("%s: kept is %q", when, kept)
				}
			}
			later := b.slow()
			b.at(later.ID, job.Deps)
			end(later.ID)
			b.deliver()
			check("a later message", later.ID)

			now := b.slow()
			b.at(now.ID, job.Deps)
			b.Once(e2bsim.Connect, e2bsim.Answered, func() { end(now.ID) })
			b.deliver()
			check("a turn under way", now.ID)
		})
	}
}
