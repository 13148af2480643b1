package browser_test

import (
	"net/url"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// counter counts clicks, and is as hostile as it can be when told to.
var counter = map[string]job.File{"index.html": {Content: []byte(`<!doctype html><title>Counter</title>
<button id="count">0</button><button id="breakOut">Out</button>
<script>
count.onclick = () => { count.textContent = Number(count.textContent) + 1; };
breakOut.onclick = async () => {
	const tried = {referrer: document.referrer};
	try { top.location.href = "/broken-out"; tried.navigate = "went"; } catch { tried.navigate = "refused"; }
	try { tried.read = parent.document.body.dataset.base; } catch { tried.read = "refused"; }
	tried.dialog = confirm("really?");
	const link = new URL(location.href).searchParams.get("link");
	await fetch(link + "/wake", {method: "POST", mode: "no-cors", body: new URLSearchParams({intent: "click"})});
	try { await fetch(link + "/wake", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"intent": "click"}'}); tried.json = "sent"; } catch { tried.json = "refused"; }
	try { await fetch(link + "/state"); tried.state = "read"; } catch { tried.state = "refused"; }
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
	p := s.another(link)
	p.click("#open button")
	app := s.frame(preview)
	app.click("#breakOut")
	app.shows(`document.body.dataset.tried`)
	tried, err := app.Eval(s.t.Context(), `document.body.dataset.tried`)
	if want := `{"referrer":"","navigate":"refused","read":"refused","dialog":false,"json":"refused","state":"refused"}`; err != nil || tried != want {
		s.t.Errorf("it got %s, %v; want %s", tried, err, want)
	}
	if address, err := p.Eval(s.t.Context(), "location.href"); err != nil || address != link {
		s.t.Errorf("the page is %s, %v; want %s", address, err, link)
	}
	if got, n := s.status(victim), s.calls(e2bsim.Connect)-connects; !got.SandboxPaused || n != 1 {
		s.t.Errorf("another preview is %s, after %d connects", got.SandboxState, n)
	}
}
