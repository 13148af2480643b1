package browser_test

import (
	"strings"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// printed are lines as builds print them: more than a page shows, long ones, and some
// that would be something else if they were not text.
var printed = []string{
	"> npm install --no-audit --no-fund",
	"npm warn deprecated inflight@1.0.6: This module is not supported, and leaks memory. Do not use it. Check out lru-cache if you want a good and tested way to coalesce async requests by a key value, which is much more comprehensive and powerful.",
	"npm http fetch GET 200 https://registry.npmjs.org/@babel/plugin-transform-destructuring/-/plugin-transform-destructuring-7.28.5.tgz?integrity=sha512-" + strings.Repeat("Zm9yIG5vdGhpbmc", 12) + " 1180ms (cache miss)",
	"\u2839 reify: \u4f9d\u8d56\u9879\u6b63\u5728\u5b89\u88c5 \u0645\u0631\u062d\u0628\u0627 \U0001F4E6",
	strings.Repeat("=", 400),
	"<script>document.title = 'owned'</script><b>bold</b> &amp; {{title}}",
	"",
	"    at Object.<anonymous> (/home/user/workspace/node_modules/some-package/dist/index.js:10:7)",
	"added 240 packages in 31s",
	"42 packages are looking for funding",
	"  run `npm fund` for details",
	"found 0 vulnerabilities",
}

// endOfLog is whether the last line of a page's log is in sight.
const endOfLog = `(() => {
	const text = document.createRange(), box = log.getBoundingClientRect();
	text.selectNodeContents(log);
	const last = [...text.getClientRects()].pop();
	return last.top >= box.top && last.bottom <= box.bottom;
})()`

// logged: who has a link with the log sees its end, while the version is built, as it
// goes on, and where that failed.
func (s *system) logged(p *tab, id, axe string, set func(string)) {
	s.t.Helper()
	cache := s.cache()
	say := func(texts ...string) {
		s.t.Helper()
		lines := make([]job.LogLine, len(texts))
		for i, text := range texts {
			lines[i] = job.LogLine{Time: time.Now(), Source: "stdout", Phase: "deps", Text: text}
		}
		if err := cache.AppendLogs(s.t.Context(), id, lines); err != nil {
			s.t.Fatal(err)
		}
	}
	link := s.link(id, `{"follow": "job", "logs": true}`)
	ends := func(text string) string { return `log.innerText.endsWith(` + "`" + text + "`" + `) && ` + endOfLog }
	say(printed...)
	for _, c := range states {
		if c.state != "building" && c.state != "failed" {
			continue
		}
		set(c.row)
		s.visit(p, link, c.state)
		p.shows(ends("found 0 vulnerabilities") + ` && !log.innerText.includes("deprecated") && log.innerText.includes("<script>") && document.title !== "owned"`)
		p.judge(axe, c.name+"-log")
		if c.state == "building" {
			p.shows(`window.mark = true`)
			say("built in 2s")
			p.shows(ends("built in 2s") + ` && mark`) // and is the same page
			say(printed...)
		}
		set(sleeps)
	}
}

// awaited: who has seen a version being built, or taking the place of another, sees its
// app without a click.
func (s *system) awaited(p *tab, link, preview string, set func(string)) {
	s.t.Helper()
	for _, c := range states {
		if c.state != "building" && c.state != "moved" {
			continue
		}
		set(c.row)
		s.visit(p, link, c.state)
		connects := s.calls(e2bsim.Connect)
		set(sleeps)
		p.shows(`document.body.dataset.state === "awake" && document.getElementById("app")`)
		s.frame(preview).shows(`count`)
		if n := s.calls(e2bsim.Connect) - connects; n != 1 {
			s.t.Errorf("%s: %d connects", c.name, n)
		}
		set(sleeps)
	}

	// Nobody has answered whether anybody looks: what comes then is not opened by itself.
	s.visit(p, link, "asleep")
	p.click("#open button")
	p.shows(`document.body.dataset.state === "awake" && typeof later === "function"`)
	p.shows(`later(3600e3), !document.getElementById("still").hidden`)
	set(building)
	p.shows(`document.body.dataset.state === "building"`)
	connects := s.calls(e2bsim.Connect)
	set(sleeps)
	p.shows(`document.body.dataset.state === "asleep"`)
	if n := s.calls(e2bsim.Connect) - connects; n > 0 {
		s.t.Errorf("nobody looks: %d connects", n)
	}

	// One that waits for its day becomes one that is built.
	set(building + ", schedule_for = now()")
	set("status = 'scheduled'")
	s.visit(p, link, "building")
	p.shows(`document.querySelector("h1").innerText === "This preview is to be built" && !document.querySelector("li[aria-current]")`)
	set(building)
	p.shows(`document.querySelector("h1").innerText === "This preview is being built"`)
	set(sleeps)

	// What is refused then is a page that sleeps, with its button.
	set(building)
	s.visit(p, link, "building")
	p.shows(`((go) => { window.fetch = (a, i) => i && i.body ? Promise.resolve(new Response("{}", { status: 429 })) : go(a, i); return true; })(fetch)`)
	set(sleeps)
	p.shows(`document.readyState === "complete" && document.body.dataset.state === "asleep" && document.querySelector("#open button").checkVisibility()`)
}

// refused: a click that does not wake says why, and the page goes on to show what there
// is, such as that it is gone.
func (s *system) refused(p *tab, set func(string)) {
	s.t.Helper()
	p.shows(`(window.due = [], window.setTimeout = (f) => due.push(f), true)`)
	p.shows(`due.length > 0`) // the page is to look again
	p.shows(`((go) => { window.fetch = (a, i) => i && i.body ? new Promise((done) => { window.refuse = () => done(new Response('{"detail": "Not today"}', { status: 503 })); }) : go(a, i); return true; })(fetch)`)
	p.click("#open button")
	p.shows(`window.refuse`)
	p.shows(`(due.splice(0).forEach((f) => f()), true)`) // while the click is on its way
	set("sandbox_state = 'gone', sandbox_paused = false")
	p.shows(`(refuse(), true)`)
	p.shows(`document.body.dataset.state === "gone"`)
}
