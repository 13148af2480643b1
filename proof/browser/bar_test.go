package browser_test

import (
	"net/url"
	"strconv"
)

// pages is an app of two pages.
var pages = text(map[string]string{"index.html": "<!doctype html><title>Home</title><h1>Home</h1>", "pricing/index.html": "<!doctype html><title>Pricing</title><h1>Pricing</h1>"})

// bar: a visitor with nothing but a keyboard wakes one page of the app, sees it as wide
// as a phone, alone, and without the bar.
func (s *system) bar() {
	_, preview, link := s.sleeping(pages)
	p := s.another(link + "?path=" + url.QueryEscape("/pricing/"))
	if err := p.Look(s.t.Context(), 1280, 800, false); err != nil {
		s.t.Fatal(err)
	}
	p.shows(`document.readyState === "complete" && document.body.dataset.state === "asleep"`)
	p.press("Tab")
	p.shows(`document.activeElement.matches("#open button:focus-visible")`)
	p.press("Enter")
	p.shows(`document.readyState === "complete" && document.body.dataset.state === "awake"`)
	address := preview[:len(preview)-len(pathOf(s, preview))] + "/pricing/"
	app := s.frame(address)
	app.shows(heading("Pricing"))

	wide := `document.getElementById("app").clientWidth`
	for _, width := range []struct {
		name   string
		pixels int
	}{{"Phone", 390}, {"Tablet", 820}, {"Desktop", 0}} {
		p.press("Tab")
		p.shows(`document.activeElement.matches(":focus-visible") && document.activeElement.innerText === "` + width.name + `"`)
		p.press("Space")
		pixels := strconv.Itoa(width.pixels)
		if width.pixels == 0 {
			pixels = "document.documentElement.clientWidth"
		}
		p.shows(wide + ` === ` + pixels + ` && document.activeElement.ariaPressed === "true" && document.querySelectorAll('[aria-pressed="true"]').length === 1`)
	}
	p.press("Tab")
	app.shows(`window.mark = true`)
	p.shows(`document.activeElement.innerText === "Reload"`)
	p.press("Enter")
	app.shows(`!window.mark && document.readyState === "complete"`)

	p.press("Tab")
	p.press("Enter")
	alone, err := s.browser.Tab(s.t.Context(), address)
	if err != nil {
		s.t.Fatal(err)
	}
	(&tab{alone, s.t}).shows(`document.title === "Pricing" && opener === null && document.referrer === ""`)
	if err := alone.Close(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	if err := p.Show(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}

	p.press("Tab")
	p.press("Space")
	p.shows(`document.getElementById("bar").hidden && document.getElementById("app").clientHeight === innerHeight && document.activeElement.innerText === "Show bar"`)
	p.press("Enter")
	p.shows(`!document.getElementById("bar").hidden && document.activeElement.innerText === "Hide bar"`)
}

// pathOf is the path of an address.
func pathOf(s *system, address string) string {
	s.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		s.t.Fatal(err)
	}
	return u.Path
}

func (p *tab) press(key string) {
	p.t.Helper()
	if err := p.Press(p.t.Context(), key); err != nil {
		p.t.Fatal(err)
	}
}
