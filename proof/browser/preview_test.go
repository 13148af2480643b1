package browser_test

import "testing"

// TestAVisitorUsesAPreview: a page of a development server, below a domain that it
// does not know by itself. It comes up, answers a click, and shows an edit
// without being loaded anew.
func TestAVisitorUsesAPreview(t *testing.T) {
	s := newSystem(t)
	_, preview := s.build(folder(t, root+"/examples/vite-react"))
	p := s.open(preview)
	p.shows(`document.querySelectorAll("li").length === 3`)
	p.click("li button")
	p.shows(`document.querySelectorAll("li").length === 2`)
	s.edit(preview, "src/App.jsx", "<h1>Today</h1>", "<h1>Tomorrow</h1>")
	p.shows(`document.querySelector("h1").innerText === "Tomorrow"`)
	p.shows(`document.querySelectorAll("li").length === 2`) // its state is kept
}
