package browser_test

import (
	"strings"
	"testing"

	"siesta/shared/job"
)

// TestAVisitorUsesAPreview: a page of a development server, below a domain that it
// does not know by itself, comes up, answers a click, and shows an edit without
// being loaded anew.
func TestAVisitorUsesAPreview(t *testing.T) {
	s := newSystem(t)
	for name, visit := range map[string]func(*system){
		"vite 8, which has a variable for its hosts": func(s *system) {
			id, preview := s.version(job.NewID(), folder(s.t, root+"/examples/vite-react"))
			p := s.open(preview)
			p.shows(`document.querySelectorAll("li").length === 3`)
			p.click("li button")
			p.shows(`document.querySelectorAll("li").length === 2`)
			s.listens(p)
			s.edit(preview, "src/App.jsx", "<h1>Today</h1>", "<h1>Tomorrow</h1>")
			p.shows(`document.querySelector("h1").innerText === "Tomorrow"`)
			p.shows(`document.querySelectorAll("li").length === 2`) // its state is kept

			s.open(s.link(id, "")) // the same in the frame of a link's page
			app := s.frame(preview)
			app.click("li button")
			app.shows(`document.querySelectorAll("li").length === 2`)
			s.listens(app)
			s.edit(preview, "src/App.jsx", "<h1>Tomorrow</h1>", "<h1>Someday</h1>")
			app.shows(`document.querySelector("h1").innerText === "Someday" && document.querySelectorAll("li").length === 2`)
		},
		"a link that follows": (*system).follows,
		"vite 5.4, which has none": func(s *system) {
			preview := s.build(folder(s.t, "testdata/vite5"))
			p := s.open(preview)
			p.counts()
			s.listens(p)
			s.edit(preview, "src/title.js", "Count", "Number")
			p.shows(`document.querySelector("h2").innerText === "Number" && count.innerText !== "0"`)
		},
		// It refuses its socket to other origins, and compares the origin of server
		// actions with the host.
		"next 16": func(s *system) {
			preview := s.build(folder(s.t, "testdata/next16"))
			p := s.open(preview)
			p.counts()
			p.click("#greet")
			p.shows(`greet.innerText === "Hello visitor"`)
			s.edit(preview, "app/counter.js", "<h2>Count</h2>", "<h2>Number</h2>")
			p.shows(`document.querySelector("h2").innerText === "Number" && count.innerText !== "0"`)
		},
	} {
		t.Run(name, func(t *testing.T) { visit(s.in(t)) })
	}
}

// listens waits until a page of Vite's hears of changes.
func (s *system) listens(p *tab) {
	s.t.Helper()
	s.until(soon, "the app listens for changes", func() bool { return strings.Contains(strings.Join(p.Said(), ""), "[vite] connected") })
}

// counts waits until a click counts: a page that was rendered by a server shows
// its button before that.
func (p *tab) counts() {
	p.t.Helper()
	p.shows(`window.count && (count.click(), count.innerText !== "0")`)
}
