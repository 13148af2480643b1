package browser_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/checkout"
	"siesta/local/client"
	"siesta/local/runtimeapi"
	"siesta/local/stack"
	"siesta/proof/browser"
	"siesta/proof/world"
	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

const (
	root   = "../.."
	domain = "e2b.test" // which no development server trusts by itself
	// patience is how long a build may take, and a page.
	patience = 5 * time.Minute
	soon     = 30 * time.Second
)

var bin string

func TestMain(m *testing.M) {
	world.Main(m, func(folder string) error { bin = folder; return nil })
}

// system is the whole system with a browser that finds its previews.
type system struct {
	*stack.Stack
	t       *testing.T
	user    client.Client
	e2b     *e2b.Client
	browser *browser.Browser
}

// newSystem starts one; change may alter its settings.
func newSystem(t *testing.T, change ...func(*stack.Config)) *system {
	t.Helper()
	dir, err := world.Folder("browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// As "make run" has it: limits, network, the machine's way to the registries.
	config, err := checkout.Checkout{Root: root, Getenv: func(name string) string {
		if strings.HasPrefix(name, "E2B_") {
			return ""
		}
		return os.Getenv(name)
	}}.Config(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := &world.Lines{Most: 60}
	config.BinDir, config.DataDir, config.Keep = bin, filepath.Join(dir, "data"), false
	config.Env = map[string]string{"E2B_DOMAIN": domain, "PAUSE_AFTER_SECONDS": "900"}
	config.Report = func(err error) { lines.Add(err.Error()) }
	config.Log = func(l runtimeapi.Line) { lines.Add(l.Function + ": " + l.Text) }
	for _, f := range change {
		f(&config)
	}
	s := &system{t: t}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if s.Stack, err = stack.Start(ctx, config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stack.Close(); err != nil {
			t.Errorf("stop the system: %v", err)
		}
		if t.Failed() {
			t.Log("what the functions said last:\n" + lines.Tail(60))
		}
	})
	s.user = client.Client{URL: s.APIURL, Token: s.Token}
	if s.e2b, err = e2b.New(e2b.Config{APIURL: s.E2BAPIURL, SandboxURL: s.E2BSandboxURL, Domain: domain, Key: secrets.Fixed(s.E2BAPIKey).Get}); err != nil {
		t.Fatal(err)
	}
	if s.browser, err = browser.Start(ctx, domain, strings.TrimPrefix(s.E2BSandboxURL, "http://")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.browser.Close() })
	return s
}

// in is the system as a test of its own sees it.
func (s *system) in(t *testing.T) *system {
	own := *s
	own.t = t
	return &own
}

// build builds an app from nothing but its files, and returns its preview, which
// sleeps when the test ends.
func (s *system) build(files map[string]job.File) (preview string) {
	s.t.Helper()
	_, preview = s.version(job.NewID(), files)
	return preview
}

// version is build, of a project that may have others.
func (s *system) version(project string, files map[string]job.File) (id, preview string) {
	s.t.Helper()
	started, err := client.Wanted(http.StatusCreated)(s.user.Start(s.t.Context(), job.Request{ProjectID: project, Goal: "see it", Source: job.Source{Files: files}}, ""))
	if err != nil {
		s.t.Fatal(err)
	}
	id = started.Told.JobID
	s.t.Cleanup(func() { _, _ = s.user.Do(context.Background(), id, client.Snapshot) })
	var told client.Told
	s.until(patience, "the build ends", func() bool {
		answer, err := client.Wanted(http.StatusOK)(s.user.Status(s.t.Context(), id))
		if err != nil {
			s.t.Fatal(err)
		}
		told = answer.Told
		return told.Status.Terminal()
	})
	if told.Status != job.Ready {
		s.t.Fatalf("the build is %s: %s", told.Status, client.Text(told.ErrorMessage))
	}
	return id, client.Text(told.PreviewURL)
}

func (s *system) until(limit time.Duration, what string, done func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("%s: still not so", what)
		}
	}
}

// edit replaces a text in a file of the app, as its builder does.
func (s *system) edit(preview, name, from, to string) {
	s.t.Helper()
	label, _, _ := strings.Cut(preview, "."+domain)
	box, err := s.e2b.Get(s.t.Context(), label[strings.LastIndex(label, "-")+1:])
	if err != nil {
		s.t.Fatal(err)
	}
	inside := envd.Of(s.e2b, box)
	text, err := inside.ReadFile(s.t.Context(), job.Workspace+"/"+name, 0, 1<<20)
	if err != nil {
		s.t.Fatal(err)
	}
	edited := bytes.ReplaceAll(text, []byte(from), []byte(to))
	if bytes.Equal(edited, text) {
		s.t.Fatalf("%s has no %q:\n%s", name, from, text)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(edited)), nil }
	files := func(yield func(envd.File, error) bool) { yield(envd.File{Name: name, Open: open}, nil) }
	if err := inside.Upload(s.t.Context(), job.Workspace, files); err != nil {
		s.t.Fatal(err)
	}
}

// open opens an address in a tab of its own, in which the scripts of before run first.
func (s *system) open(address string, before ...string) *tab {
	s.t.Helper()
	p, err := s.browser.Open(s.t.Context(), address, before...)
	if err != nil {
		s.t.Fatal(err)
	}
	return &tab{p, s.t}
}

// frame is the app in a tab's frame.
func (s *system) frame(preview string) *tab {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), soon)
	defer cancel()
	p, err := s.browser.Frame(ctx, preview)
	if err != nil {
		s.t.Fatal(err)
	}
	return &tab{p, s.t}
}

// tab is a page that fails its test.
type tab struct {
	*browser.Page
	t *testing.T
}

// shows waits until an expression is true in the page.
func (p *tab) shows(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), soon)
	defer cancel()
	if err := p.Until(ctx, expression); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) click(selector string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), soon)
	defer cancel()
	if err := p.Click(ctx, selector); err != nil {
		p.t.Fatal(err)
	}
}

// folder is all files of a folder but what a build makes.
func folder(t *testing.T, dir string) map[string]job.File {
	t.Helper()
	files := map[string]job.File{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if entry.IsDir() {
			if slices.Contains([]string{"node_modules", ".git", ".next"}, entry.Name()) {
				return filepath.SkipDir
			}
			return err
		}
		content, readErr := os.ReadFile(path)
		files[filepath.ToSlash(name)] = job.File{Content: content}
		return errors.Join(err, readErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
