package browser_test

import (
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"siesta/local/client"
	"siesta/shared/job"
)

var all = flag.Bool("all", false, "iterate on the apps that install a lot, too")

// change is an iteration and what a visitor sees after it: an expression that is true
// of the page.
type change struct {
	what  string
	files map[string]job.File
	check string // the request's own; "": none
	hot   bool   // a page that is open shows it without being loaded anew
	shows string // "": the page is as it was
	fails string // what the failure says; "": it does not fail
}

// iterated is an app and its history.
type iterated struct {
	name    string
	files   map[string]job.File
	shows   string
	changes []change
	quick   bool // part of make test; make iterations does all
}

// TestAVersionIsChangedWhereItIs: each change of an app is at the address of the version
// before, and after one that fails the version before is.
func TestAVersionIsChangedWhereItIs(t *testing.T) {
	s := newSystem(t)
	for _, a := range iteratedApps(t) {
		if a.quick || *all {
			t.Run(a.name, func(t *testing.T) { s.in(t).iterate(a) })
		}
	}
}

func (s *system) iterate(a iterated) {
	project := job.NewID()
	first := s.ends(job.Request{ProjectID: project, Goal: a.name, Source: job.Source{Files: a.files}})
	id, address, shows := first.JobID, client.Text(first.PreviewURL), a.shows
	s.t.Cleanup(func() { _, _ = s.user.Do(context.Background(), id, client.Snapshot) })
	if first.Status != job.Ready {
		s.t.Fatalf("the build is %s: %s", first.Status, client.Text(first.ErrorMessage))
	}
	for _, c := range a.changes {
		ok := s.t.Run(strings.ReplaceAll(c.what, " ", "_"), func(t *testing.T) {
			s := s.in(t)
			s.wake(id)
			page := s.open(address)
			defer func() { _ = page.Close(context.Background()) }()
			page.shows(shows)
			page.shows(`window.mark = "open"`)
			if c.hot {
				s.until(soon, "the page listens for changes", func() bool { return page.Sockets() > 0 })
			}
			request := job.Request{ProjectID: project, Goal: c.what, PreviousJobID: id, Source: job.Source{Files: c.files}}
			if c.check != "" {
				request.Commands.Check = &c.check
			}
			told := s.ends(request)
			if c.fails != "" {
				if told.Status != job.Failed || !strings.Contains(client.Text(told.ErrorMessage), c.fails) {
					t.Fatalf("it is %s: %s", told.Status, client.Text(told.ErrorMessage))
				}
				s.wake(id)
			} else {
				if told.Status != job.Ready {
					t.Fatalf("it is %s: %s", told.Status, client.Text(told.ErrorMessage))
				}
				if id = told.JobID; client.Text(told.PreviewURL) != address {
					t.Errorf("it is at %s, not at %s", client.Text(told.PreviewURL), address)
				}
				if c.shows != "" {
					shows = c.shows
				}
				if c.hot {
					page.shows(shows)
					page.shows(`window.mark === "open"`)
				}
			}
			fresh := s.open(address)
			defer func() { _ = fresh.Close(context.Background()) }()
			fresh.shows(shows)
		})
		if !ok {
			return
		}
	}
}

// ends starts a job and returns what is told of its end.
func (s *system) ends(request job.Request) client.Told {
	s.t.Helper()
	started, err := client.Wanted(http.StatusCreated)(s.user.Start(s.t.Context(), request, ""))
	if err != nil {
		s.t.Fatal(err)
	}
	var told client.Told
	s.until(patience, "the build ends", func() bool {
		answer, err := client.Wanted(http.StatusOK)(s.user.Status(s.t.Context(), started.Told.JobID))
		if err != nil {
			s.t.Fatal(err)
		}
		told = answer.Told
		return told.Status.Terminal()
	})
	return told
}

// wake wakes the preview of a version, or keeps it awake.
func (s *system) wake(id string) {
	s.t.Helper()
	s.until(patience, "the preview is awake", func() bool {
		answer, err := client.Wanted(http.StatusOK, http.StatusAccepted)(s.user.Do(s.t.Context(), id, client.Resume))
		if err != nil {
			s.t.Fatal(err)
		}
		return answer.Code == http.StatusOK
	})
}

// text is the content of files.
func text(files map[string]string) map[string]job.File {
	made := map[string]job.File{}
	for name, content := range files {
		made[name] = job.File{Content: []byte(content)}
	}
	return made
}

// edited is a file of a folder with another text in it.
func edited(t *testing.T, dir, name string, replace ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(replace...).Replace(string(content))
}

// gone are files that a change deletes, beside those that it writes.
func gone(files map[string]job.File, names ...string) map[string]job.File {
	for _, name := range names {
		files[name] = job.File{Delete: true}
	}
	return files
}
