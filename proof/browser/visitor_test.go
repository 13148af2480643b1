package browser_test

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// visitor looks, clicks, is asked whether he is still there, and sees the version
// that comes and the end of the link.
func (s *system) visitor() {
	project := job.NewID()
	id, preview := s.version(project, counter)
	s.asleep(id)
	link := s.link(id, "")
	connects := s.calls(e2bsim.Connect)
	p := s.another(link, fast)
	p.shows(`document.querySelector("h1").innerText === "This preview is asleep"`)

	plain := s.another("about:blank")
	if err := errors.Join(plain.WithoutScripts(s.t.Context()), plain.Visit(s.t.Context(), link)); err != nil {
		s.t.Fatal(err)
	}
	plain.click("#open button") // a form
	plain.shows(`document.body.dataset.state === "awake" && !document.body.classList.contains("js") && document.getElementById("bar").innerText.includes("It falls asleep at ")`)
	plain.leave()
	p.shows(`document.body.dataset.state === "awake" && document.getElementById("app") && document.getElementById("text").innerText === ""`) // by itself
	app := s.frame(preview)
	app.shows(`count.textContent === "0" && count.click(), count.textContent === "1"`) // no gesture: it would be one of the page, too
	if n := s.calls(e2bsim.Connect) - connects; n != 1 {
		s.t.Errorf("one click made %d connects", n)
	}

	// Nobody has touched the page for VIEW_SECONDS: it asks, and keeps nothing awake.
	p.shows(`later(3600e3), !document.getElementById("still").hidden`)
	p.shows(`(window.posted = asked.length, window.seen = looks, true)`)
	p.shows(`looks > seen + 2 && asked.length === posted`)
	s.pass(wakeTime/2 + time.Minute)
	ends := s.awakeUntil(id)
	p.click("#yes")
	s.until(soon, "looking prolongs", func() bool { return s.awakeUntil(id).After(ends) })
	app.shows(`count.textContent === "1"`) // and nothing was loaded anew

	second, address := s.version(project, counter)
	s.asleep(second)
	p.shows(`document.querySelector("h1").innerText === "This preview is asleep" && document.getElementById("text").innerText.startsWith("Version 2")`)
	connects = s.calls(e2bsim.Connect)
	p.click("#open button")
	s.frame(address).shows(`count.textContent === "0"`)
	if n := s.calls(e2bsim.Connect) - connects; n != 1 {
		s.t.Errorf("one click made %d connects", n)
	}

	if _, err := client.Wanted(http.StatusNoContent)(s.user.Call(s.t.Context(), http.MethodDelete, "/api/generation/"+id+"/share", nil, nil)); err != nil {
		s.t.Fatal(err)
	}
	p.shows(`document.querySelector("h1").innerText === "This link is no longer available"`)
	for _, line := range p.Said() {
		if strings.Contains(line, "Content Security Policy") {
			s.t.Error(line)
		}
	}
}
