package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b"
	"siesta/shared/job"
)

// finished delivers until the job is READY or failed, and checks that it took
// few turns.
func (b *fixture) finished(id string) job.Job {
	b.T.Helper()
	j := b.until(id, "finished", func(j job.Job) bool { return j.Status.Terminal() })
	if j.Turn > 6 || j.Crashes > 0 {
		b.T.Errorf("it took %d turns, %d crashed", j.Turn, j.Crashes)
	}
	return j
}

// What a request's variables do to a shell they do to its own commands alone.
func TestARequestsVariablesAreItsCommandsAlone(t *testing.T) {
	for name, c := range map[string]struct{ env, install, want string }{
		"SHELLOPTS": {"noexec", "true", ""},
		"BASH_ENV":  {"/home/user/project/leave.sh", "bash -c true", "Installing dependencies failed with exit code 7."},
		"PATH":      {"/nowhere", "/bin/bash -c 'no-such-program'", "Installing dependencies failed with exit code 127."},
		"IFS":       {"/", "true", ""},
		"dir":       {"/home/user", "[ $dir = /home/user ]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := page()
			r.Env = map[string]string{name: c.env}
			r.Commands.Install = &c.install
			r.Source.Files = map[string]job.File{"leave.sh": {Content: []byte("exit 7\n")}}
			j := b.finished(b.accept(r).ID)
			b.wantCheap(turnPoll+startTime, 3*startTime)
			if (c.want == "") != (j.Status == job.Ready) || !strings.HasPrefix(j.ErrorMessage, c.want) {
				t.Errorf("the job is %s: %s", j.Status, j.ErrorMessage)
			}
		})
	}
}

// A command that removes what tells that it runs is not started again for that.
func TestACommandThatLeavesNoTraceRunsOnce(t *testing.T) {
	for name, remove := range map[string]string{"all": "rm -rf ../.siesta", "its own": "rm -rf ../.siesta/*/*-install"} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := page()
			install := "echo ran >>../seen; " + remove + "; sleep 100000"
			r.Commands.Install = &install
			var seen string
			b.Once(e2bsim.Kill, e2bsim.Received, func() { seen = b.Run(b.theBox(), "cat seen") })
			j := b.finished(b.accept(r).ID)
			b.wantCheap(turnPoll+startTime, 3*startTime)
			want := "Installing dependencies failed: the folder of Siesta's own files, /home/user/.siesta, was removed."
			if j.Status != job.Failed || j.ErrorMessage != want {
				t.Errorf("the job is %s: %s", j.Status, j.ErrorMessage)
			}
			if seen != "ran\n" {
				t.Errorf("it ran as often as %q says", seen)
			}
		})
	}
}

// Each thing that a sandbox cannot do is told in its own words.
func TestWhatASandboxCannotDoIsSaid(t *testing.T) {
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		change func(b *fixture, r *job.Request)
		want   string
	}{
		"its disk is full": {func(b *fixture, r *job.Request) {
			r.Source.Files = map[string]job.File{"index.html": {}}
			b.Fault(e2bsim.Fault{Call: e2bsim.Files, Action: e2bsim.ErrorAnswer, Status: 507})
		}, "The sandbox's disk is full."},
		"the workspace is a file": {func(_ *fixture, r *job.Request) {
			r.Commands.Generate = text("cd ..; rm -rf project; touch project")
		}, "The sandbox has something in the way"},
		"package.json is a folder": {func(_ *fixture, r *job.Request) {
			r.Source.Files = map[string]job.File{"package.json/read.me": {}}
			r.Commands.Install, r.Commands.Start = nil, nil
		}, "Nothing in the source says how to start this app."},
		"the source is in its own way": {func(b *fixture, r *job.Request) {
			r.Source.Files = map[string]job.File{"page": {Content: []byte("x")}}
			b.Once(e2bsim.Create, e2bsim.Answered, func() { b.Run(b.theBox(), "mkdir -p project/page") })
		}, "The source could not be written"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := page()
			c.change(b, &r)
			j := b.finished(b.accept(r).ID)
			if j.Status != job.Failed || !strings.HasPrefix(j.ErrorMessage, c.want) {
				t.Errorf("the job is %s: %s", j.Status, j.ErrorMessage)
			}
		})
	}
}

// Of much output the log tells how much it does not show.
func TestOutputThatIsCutIsSaid(t *testing.T) {
	b := setup(t)
	r, install := page(), `head -c 40000000 /dev/zero | tr '\0' x; sleep 100000`
	r.Commands.Install = &install
	j := b.at(b.spent(r, 0).ID, job.Deps)
	b.Run(j, "until [ -e .siesta/*/*/out.100000038 ]; do sleep 0.01; done")
	b.Set(j.ID, "log_offset = 8388608") // all that is kept of its beginning was shown
	b.deliver()
	b.deliver()
	last, found, err := b.cache.LastLog(t.Context(), j.ID)
	if want := "... 24117248 bytes of output are left out ..."; err != nil || !found || last.Text != want {
		t.Errorf("the log ends with %.80q, %v, want %q", last.Text, err, want)
	}
}

// noFork makes envd answer that it cannot fork when full says so of a call's body.
func (b *fixture) noFork(full func(body string) bool) {
	b.T.Helper()
	edge, err := url.Parse(b.Edge)
	b.OK(err)
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(edge); r.Out.Host = r.In.Host }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.HasSuffix(r.URL.Path, "/Start") || !full(string(body)) {
			r.Body = io.NopCloser(bytes.NewReader(body))
			pass.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/connect+json")
		const failure = `{"error":{"code":"resource_exhausted","message":"fork"}}`
		_, _ = w.Write(append([]byte{2, 0, 0, 0, byte(len(failure))}, failure...))
	}))
	b.T.Cleanup(front.Close)
	b.Edge = front.URL
	b.e2b = b.Client(e2b.Config{})
}

// A sandbox whose processes are all in use for a moment is asked again.
func TestAMomentWithoutAProcessEndsNoBuild(t *testing.T) {
	b := setup(t)
	var full atomic.Bool
	b.noFork(func(string) bool { return full.Load() })
	j := b.at(b.slow().ID, job.Deps) // whose install runs
	full.Store(true)
	b.deliver()
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Deps || row.Turn != j.Turn+2 {
		t.Errorf("the job is %s at turn %d: %s", row.Status, row.Turn, row.ErrorMessage)
	}
	full.Store(false)
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Deps || row.Turn != j.Turn+3 {
		t.Errorf("the job is %s at turn %d: %s", row.Status, row.Turn, row.ErrorMessage)
	}
}

// A command that cannot be started waits for its turn, and not for ever.
func TestACommandThatCannotBeStartedWaits(t *testing.T) {
	for name, ends := range map[string]bool{"for a moment": true, "for ever": false} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			var full atomic.Bool
			full.Store(true)
			b.noFork(func(body string) bool { return full.Load() && strings.Contains(body, "Starts a step") })
			j := b.accept(page())
			begun := b.SQS.Now()
			b.deliver()
			b.deliver()
			if ends {
				full.Store(false)
				b.ready(j.ID)
				return
			}
			row := b.until(j.ID, "failed", func(j job.Job) bool { return j.Status.Terminal() })
			want := "The sandbox of this build has no room for another process."
			if after := b.SQS.Now().Sub(begun); row.ErrorMessage != want || after < 3*time.Minute {
				t.Errorf("the job is %s after %v: %s", row.Status, after, row.ErrorMessage)
			}
		})
	}
}

// However many files a project has, what tells its kind is found.
func TestManyFilesAtTheTopAreInNobodysWay(t *testing.T) {
	b := setup(t)
	r := page()
	r.Source.Files = map[string]job.File{"index.html": {Content: []byte("<!DOCTYPE html><p>page</p>")}}
	r.Commands.Install, r.Commands.Start = nil, nil
	b.Once(e2bsim.Create, e2bsim.Answered, func() {
		b.Run(b.theBox(), `mkdir project && cd project && printf "$(printf %0200d 7)-%d " {1..25000} | xargs touch`)
	})
	if j := b.finished(b.accept(r).ID); j.Status != job.Ready {
		t.Errorf("the job is %s: %s", j.Status, j.ErrorMessage)
	}
}
