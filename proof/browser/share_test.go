package browser_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/job"
)

// TestALink: what visitors, and those who only seem to be some, get of a share link.
func TestALink(t *testing.T) {
	origin := builder(t)
	s := newSystem(t, sharing, mayCall(origin))
	for name, visit := range map[string]func(*system){
		"a visitor":        (*system).visitor,
		"a crowd":          (*system).crowd,
		"two viewers":      (*system).viewers,
		"a hostile app":    (*system).hostile,
		"every state":      (*system).everyState,
		"the bar":          (*system).bar,
		"a client's page":  func(s *system) { s.clientInAPage(origin) },
		"a builder's page": func(s *system) { s.inABuildersPage(origin) },
	} {
		t.Run(name, func(t *testing.T) { visit(s.in(t)) })
	}
}

// fast makes a minute of the page a second, so that nobody waits for what it does
// once a minute; later(ms) lets so much more of its time pass. The page says of itself
// in asked what it has posted, and in looks how often it could have said that somebody
// looks.
const fast = `(() => {
	const { fetch, setInterval, setTimeout } = window, { now } = Date;
	let began = now();
	window.asked = []; window.looks = 0;
	window.fetch = (address, init) => { if (init && init.body) asked.push(JSON.parse(init.body).intent); return fetch(address, init); };
	window.setInterval = (f, ms) => setInterval(() => { f(); if (ms === 60e3) looks++; }, ms / 60);
	window.setTimeout = (f, ms) => setTimeout(f, ms / 60);
	const start = began;
	Date.now = () => start + 60 * (now() - began);
	window.later = (ms) => { began -= ms / 60; };
})()`

const wakeTime = 10 * time.Minute

func sharing(c *stack.Config) {
	c.Env["PAUSE_AFTER_SECONDS"], c.Env["WAKE_SECONDS"], c.Env["VIEW_SECONDS"] = "0", "600", "3600"
	c.Clock, c.ReconcileEvery = true, -1
}

// sleeping is a version of a project of its own, asleep, and a link to it.
func (s *system) sleeping(files map[string]job.File) (id, preview, link string) {
	s.t.Helper()
	id, preview = s.version(job.NewID(), files)
	s.asleep(id)
	return id, preview, s.link(id, "")
}

// asleep waits until a version sleeps.
func (s *system) asleep(id string) {
	s.t.Helper()
	s.until(soon, "the preview sleeps", func() bool { return s.status(id).SandboxPaused })
}

// pass lets time pass for all but functions and browser.
func (s *system) pass(d time.Duration) {
	s.t.Helper()
	if err := s.Postgres.Advance(s.t.Context(), d); err != nil {
		s.t.Fatal(err)
	}
	s.SQS.Advance(d)
	if err := s.E2B.Advance(s.t.Context(), d); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) status(id string) client.Told {
	s.t.Helper()
	answer, err := client.Wanted(http.StatusOK)(s.user.Status(s.t.Context(), id))
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.Told
}

// awakeUntil is when a version is to sleep; zero while it sleeps.
func (s *system) awakeUntil(id string) time.Time {
	s.t.Helper()
	until, _ := time.Parse(time.RFC3339, client.Text(s.status(id).AwakeUntil))
	return until
}

// link is a share link of a version's.
func (s *system) link(id, body string) string {
	s.t.Helper()
	answer, err := client.Wanted(http.StatusCreated)(s.user.Call(s.t.Context(), http.MethodPost, "/api/generation/"+id+"/share", []byte(body), nil))
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.Told.ShareURL
}

// calls are those that E2B has received.
func (s *system) calls(kind e2bsim.Kind) (n int) {
	for _, c := range s.E2B.Calls() {
		if c.Kind == kind && c.Phase == e2bsim.Received {
			n++
		}
	}
	return n
}

// callsAbout are those that E2B has received about a preview's sandbox.
func (s *system) callsAbout(preview string) (n int) {
	for _, c := range s.E2B.Calls() {
		if c.ID != "" && strings.Contains(preview, c.ID) && c.Phase == e2bsim.Received {
			n++
		}
	}
	return n
}

// another opens an address as somebody else does, until the test ends.
func (s *system) another(address string, before ...string) *tab {
	s.t.Helper()
	p, err := s.browser.Visitor(s.t.Context(), address, before...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = p.Close(context.Background()) })
	return &tab{p, s.t}
}

// leave closes the tab.
func (p *tab) leave() {
	p.t.Helper()
	if err := p.Close(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}
