package browser_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/job"
)

// builder serves the pages of somebody who builds on Siesta, on an origin that is not
// the API's, nor of its site.
func builder(t *testing.T) (origin string) {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(root)))
	t.Cleanup(server.Close)
	return "http://localhost:" + portOf(server.Listener.Addr())
}

func portOf(a net.Addr) string { return a.String()[strings.LastIndex(a.String(), ":")+1:] }

// mayCall lets a builder's pages call the API, and show its pages in frames.
func mayCall(origin string) func(*stack.Config) {
	return func(c *stack.Config) { c.Origins, c.Env["FRAME_ANCESTORS"] = []string{origin}, origin }
}

// tells is what a page's script says of itself: what it asks for, whether it is
// visible then, and how many of its timers have ended, by now and when it was hidden.
const tells = `(() => {
	window.asked = []; window.ended = 0;
	const { fetch, setTimeout } = window;
	window.fetch = (address, init) => { asked.push([init.method, new URL(address).pathname.split("/").at(-1), document.visibilityState].join(" ")); return fetch(address, init); };
	window.setTimeout = (f, ms) => setTimeout(() => { f(); ended++; }, ms);
	document.addEventListener("visibilitychange", () => { if (document.hidden) window.hiddenAt = ended; });
})()`

// clientInAPage uses web/siesta.js in a page of another origin.
func (s *system) clientInAPage(origin string) {
	t, connects := s.t, s.calls(e2bsim.Connect)
	p := s.open(origin+"/web/package.json", tells)
	run := func(script string) string {
		t.Helper()
		told, err := p.Eval(t.Context(), `(async () => {
			const { Siesta, SiestaError } = await import("/web/siesta.js");
			window.siesta ??= new Siesta({ url: "`+s.APIURL+`", token: "`+s.Token+`" });
			`+script+`
		})()`)
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		return told
	}
	project := job.NewID()
	id := run(`window.id = (await siesta.start({ project_id: "` + project + `", goal: "a page", source: { files: { "index.html": "hello" } } })).job_id;
		window.built = siesta.wait(id);
		window.lines = 0;
		for await (const line of siesta.logs(id)) lines++;
		return id`)
	if got := run(`return (await built).status + (lines > 0) + (await siesta.list("` + project + `")).builds.length`); got != "readytrue1" {
		t.Errorf("the build, its log and its project: %s", got)
	}
	s.asleep(id)
	if got := run(`return (await siesta.keepAwake(id)).sandbox_state`); got != "paused" || s.calls(e2bsim.Connect) != connects {
		t.Errorf("who keeps a sleeping preview awake is told %s, after %d connects", got, s.calls(e2bsim.Connect)-connects)
	}
	ends := run(`return (await siesta.resume(id)).awake_until`)

	// A visible page keeps its preview awake.
	run(`asked.length = 0; window.kept = siesta.keepAwake(id, { every: 0.2 }).then((s) => { window.end = s.sandbox_state; })`)
	later := func() bool { return client.Text(s.status(id).AwakeUntil) > ends }
	s.pass(wakeTime/2 + time.Minute)
	s.until(soon, "looking prolongs", later)

	// One behind another tab does not, nor does it wake it when it is seen again.
	other := s.open("about:blank")
	p.shows(`document.hidden && ended > hiddenAt`)
	if _, err := client.Wanted(http.StatusOK, http.StatusAccepted)(s.user.Do(t.Context(), id, client.Snapshot)); err != nil {
		t.Fatal(err)
	}
	s.asleep(id)
	connects = s.calls(e2bsim.Connect)
	other.leave()
	if err := p.Show(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.shows(`window.end === "paused" && !asked.includes("GET status hidden")`)
	if n := s.calls(e2bsim.Connect) - connects; n != 0 {
		t.Errorf("looking at a sleeping preview made %d connects", n)
	}

	link := run(`return (await siesta.share(id, { follow: "job" })).share_url`)
	if got := run(`await siesta.unshare(id); return siesta.start({ project_id: "x", goal: "" }).catch((e) => [e instanceof SiestaError, e.status, e.debug_id.length].join())`); got != "true,422,36" {
		t.Errorf("a wrong request is told %s", got)
	}
	answer, err := http.Get(link)
	if err != nil || answer.StatusCode != http.StatusGone {
		t.Fatalf("an ended link answers %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	if got := run(`return [await siesta.delete(id), await siesta.status(id).catch((e) => e.status)].at(-1)`); got != "404" {
		t.Errorf("a deleted version's status is %s", got)
	}
}

// inABuildersPage: the example's page has the preview page in a frame, which wakes on a
// click.
func (s *system) inABuildersPage(origin string) {
	connects := s.calls(e2bsim.Connect)
	id, preview := s.version(job.NewID(), counter)
	s.asleep(id)
	hash := url.Values{"url": {s.APIURL}, "token": {s.Token}, "job": {id}}
	p := s.open(origin + "/examples/embed/#" + hash.Encode())
	p.shows(`document.querySelector("iframe")`)
	s.frame(s.APIURL + "/p/").click("#open button")
	app := s.frame(preview)
	app.click("#count")
	app.shows(`count.textContent === "1"`)
	if n := s.calls(e2bsim.Connect) - connects; n != 1 {
		s.t.Errorf("one click made %d connects", n)
	}
}
