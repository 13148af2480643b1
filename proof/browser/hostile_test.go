package browser_test

import (
	"net/url"
	"strings"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// counter counts clicks. What it may not do by itself it tries when it is loaded, and
// all else when it is told to.
var counter = map[string]job.File{"index.html": {Content: []byte(`<!doctype html><title>Counter</title>
<button id="count">0</button><button id="breakOut">Out</button>
<script>
count.onclick = () => { count.textContent = Number(count.textContent) + 1; };
const silence = "data:audio/wav;base64,UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
const unasked = { popup: open("about:blank") ? "opened" : "refused" };
new Audio(silence).play().catch((e) => { unasked.sound = e.name === "NotAllowedError" ? "refused" : e.name; });
breakOut.onclick = async () => {
	const tried = { referrer: document.referrer }, link = new URL(location.href).searchParams.get("link");
	const out = "/broken-out", lead = (f) => { f(); return "went"; };
	const attempt = async (what, how) => { try { tried[what] = await how(); } catch { tried[what] = "refused"; } };
	await attempt("redirect", () => lead(() => { top.location.href = out; }));
	await attempt("target", () => open(out, "_top") ? "went" : "refused");
	await attempt("read", () => parent.document.body.dataset.base);
	await attempt("dialogs", () => [confirm("really?"), prompt("password?")].join());
	await attempt("popup", () => {
		const popup = open("about:blank");
		popup.out = out;
		return popup.eval('let went = "went"; try { opener.top.location.href = out; } catch { went = "refused"; } [confirm("?"), went].join()');
	});
	await attempt("download", () => lead(() => { Object.assign(document.createElement("a"), { href: "data:text/plain,x", download: "x" }).click(); }));
	await attempt("form", () => lead(() => fetch(link + "/wake", { method: "POST", mode: "no-cors", body: new URLSearchParams({ intent: "click" }) })));
	await attempt("json", () => fetch(link + "/wake", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"intent": "click"}' }));
	await attempt("state", () => fetch(link + "/state"));
	document.body.dataset.tried = JSON.stringify(tried);
};
</script>`)}}

// hostile: an app in the frame gets at nothing but itself: not at the page around it, and
// not at a preview whose link it knows.
func (s *system) hostile() {
	victim, _, known := s.sleeping(counter)
	_, preview, link := s.sleeping(counter)
	connects := s.calls(e2bsim.Connect)
	link += "?path=" + url.QueryEscape("/?link="+url.QueryEscape(known))
	p := s.another(link, fast)
	p.click("#open button")
	app := s.frame(preview)
	app.shows(`unasked.sound === "refused" && unasked.popup === "refused"`)

	// To take the focus is no sign of a visitor, who is asked whether he is still there.
	p.shows(`document.getElementById("app")`)
	if _, err := app.Eval(s.t.Context(), `void (window.grab = setInterval(() => { parent.focus(); focus(); }, 20))`); err != nil {
		s.t.Fatal(err)
	}
	p.shows(`document.activeElement === document.getElementById("app")`)
	p.shows(`later(3600e3), !document.getElementById("still").hidden && (window.seen = looks, true)`)
	p.shows(`looks > seen + 2`)
	p.shows(`!document.getElementById("still").hidden`)
	app.shows(`clearInterval(grab), true`)

	app.click("#breakOut")
	app.shows(`document.body.dataset.tried`)
	tried, err := app.Eval(s.t.Context(), `document.body.dataset.tried`)
	want := `{"referrer":"","redirect":"refused","target":"refused","read":"refused","dialogs":"false,","popup":"false,refused","download":"went","form":"went","json":"refused","state":"refused"}`
	if err != nil || tried != want {
		s.t.Errorf("it got %s, %v; want %s", tried, err, want)
	}
	s.until(soon, "its download is refused", func() bool {
		return strings.Contains(strings.Join(app.Said(), "\n"), "Download is disallowed")
	})
	if address, err := p.Eval(s.t.Context(), "location.href"); err != nil || address != link {
		s.t.Errorf("the page is %s, %v; want %s", address, err, link)
	}
	if got, n := s.status(victim), s.calls(e2bsim.Connect)-connects; !got.SandboxPaused || n != 1 {
		s.t.Errorf("another preview is %s, after %d connects", got.SandboxState, n)
	}
}
