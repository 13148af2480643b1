package browser_test

import "siesta/shared/job"

// follows: a link to a project shows each version as it comes, in the place of the one
// before and in another sandbox.
func (s *system) follows() {
	page := func(title string) map[string]job.File {
		return text(map[string]string{"index.html": "<!doctype html><h1>" + title + "</h1>"})
	}
	project := job.NewID()
	id, preview := s.version(project, page("One"))
	p := s.another(s.link(id, ""))
	s.frame(preview).shows(heading("One"))

	told := s.ends(job.Request{ProjectID: project, Goal: "another", PreviousJobID: id, Source: job.Source{Files: page("Two")}})
	if told.Status != job.Ready || *told.PreviewURL != preview {
		s.t.Fatalf("the iteration is %s at %v", told.Status, told.PreviewURL)
	}
	p.shows(`document.body.dataset.state === "awake" && document.querySelector("#bar h1").innerText === "Version 2"`)
	s.frame(preview).shows(heading("Two"))

	_, address := s.version(project, page("Three"))
	p.shows(`document.body.dataset.state === "awake" && document.querySelector("#bar h1").innerText === "Version 3"`)
	s.frame(address).shows(heading("Three"))
}
