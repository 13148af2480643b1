package browser_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/job"
)

// fast makes a minute of the page a second, so that nobody waits for what it does
// once a minute.
const fast = `(() => {
	const { setInterval, setTimeout } = window, { now } = Date, began = now();
	window.setInterval = (f, ms) => setInterval(f, ms / 60);
	window.setTimeout = (f, ms) => setTimeout(f, ms / 60);
	Date.now = () => began + 60 * (now() - began);
})()`

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

func sharing(c *stack.Config) {
	c.Env["PAUSE_AFTER_SECONDS"], c.Env["VIEW_SECONDS"], c.Clock = "0", "60", true
}

// asleep waits until a version sleeps.
func (s *system) asleep(id string) {
	s.t.Helper()
	s.until(soon, "the preview sleeps", func() bool { return s.status(id).SandboxPaused })
}

func (s *system) status(id string) client.Told {
	s.t.Helper()
	answer, err := client.Wanted(http.StatusOK)(s.user.Status(s.t.Context(), id))
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.Told
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

// shoot keeps pictures of a page, for people to look at.
func (p *tab) shoot(name string) {
	p.t.Helper()
	folder := filepath.Join(root, ".local", "screenshots")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		p.t.Fatal(err)
	}
	for kind, width := range map[string]int{"phone": 390, "desktop": 1280} {
		for scheme, dark := range map[string]bool{"light": false, "dark": true} {
			if err := p.Look(p.t.Context(), width, 800, dark); err != nil {
				p.t.Fatal(err)
			}
			picture, err := p.Screenshot(p.t.Context())
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%s-%s.png", name, kind, scheme)), picture, 0o644)
			}
			if err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

func TestAVisitorWithALink(t *testing.T) {
	s := newSystem(t, sharing)
	project := job.NewID()
	id, preview := s.version(project, counter)
	s.asleep(id)
	link := s.link(id, "")

	before := len(s.E2B.Calls())
	for _, bot := range []string{"Slackbot-LinkExpanding 1.0", "Twitterbot/1.0", "Googlebot/2.1", "WhatsApp/2.24", "curl/8.5"} {
		for _, path := range []string{"", "/state"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("User-Agent", bot)
			answer, err := http.DefaultClient.Do(r)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("%s: %v, %v", bot, answer, err)
			}
			_ = answer.Body.Close()
		}
	}
	p := s.open(link, fast)
	p.shows(`document.querySelector("h1").innerText === "This preview is asleep"`)
	p.shoot("asleep")
	if after := len(s.E2B.Calls()); after != before {
		t.Errorf("looking at the page made %d calls to E2B", after-before)
	}

	plain := s.open("about:blank")
	if err := errors.Join(plain.WithoutScripts(t.Context()), plain.Visit(t.Context(), link)); err != nil {
		t.Fatal(err)
	}
	plain.click("#open button") // a form
	plain.shows(`document.body.dataset.state === "awake" && !document.body.classList.contains("js")`)
	if err := plain.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.shows(`document.body.dataset.state === "awake" && document.getElementById("app")`) // by itself
	app := s.frame(preview)
	app.click("#count")
	app.shows(`count.textContent === "1"`)
	if n := s.calls(e2bsim.Connect); n != 1 {
		t.Errorf("one click made %d connects", n)
	}
	p.shoot("awake")

	// Nobody has touched the page for VIEW_SECONDS: it asks, and keeps nothing awake.
	p.shows(`!document.getElementById("still").hidden`)
	p.shoot("still")
	if err := s.Postgres.Advance(t.Context(), 6*time.Minute); err != nil {
		t.Fatal(err)
	}
	ends := client.Text(s.status(id).AwakeUntil)
	p.click("#yes")
	s.until(soon, "looking prolongs", func() bool { return client.Text(s.status(id).AwakeUntil) > ends })
	app.shows(`count.textContent === "1"`) // and nothing was loaded anew

	second, address := s.version(project, counter)
	s.asleep(second)
	p.shows(`document.querySelector("h1").innerText === "This preview is asleep" && document.getElementById("text").innerText.startsWith("Version 2")`)
	before = s.calls(e2bsim.Connect)
	p.click("#open button")
	s.frame(address).shows(`count.textContent === "0"`)
	if n := s.calls(e2bsim.Connect) - before; n != 1 {
		t.Errorf("one click made %d connects", n)
	}

	if _, err := client.Wanted(http.StatusNoContent)(s.user.Call(t.Context(), http.MethodDelete, "/api/generation/"+id+"/share", nil, nil)); err != nil {
		t.Fatal(err)
	}
	p.shows(`document.querySelector("h1").innerText === "This link is no longer available"`)
	p.shoot("ended")
	for _, line := range p.Said() {
		if strings.Contains(line, "Content Security Policy") {
			t.Error(line)
		}
	}
}

// An app in the frame gets at nothing but itself: not at the page around it, and not
// at a preview whose link it knows.
func TestAHostileAppInTheFrame(t *testing.T) {
	s := newSystem(t, sharing)
	victim, _ := s.version(job.NewID(), counter)
	s.asleep(victim)
	id, preview := s.version(job.NewID(), counter)
	s.asleep(id)
	link := s.link(id, `{"follow": "job"}`) + "?path=" + url.QueryEscape("/?link="+url.QueryEscape(s.link(victim, "")))
	p := s.open(link)
	p.click("#open button")
	app := s.frame(preview)
	app.click("#breakOut")
	app.shows(`document.body.dataset.tried`)
	tried, err := app.Eval(t.Context(), `document.body.dataset.tried`)
	if want := `{"referrer":"","navigate":"refused","read":"refused","dialog":false,"json":"refused","state":"refused"}`; err != nil || tried != want {
		t.Errorf("it got %s, %v; want %s", tried, err, want)
	}
	if address, err := p.Eval(t.Context(), "location.href"); err != nil || address != link {
		t.Errorf("the page is %s, %v; want %s", address, err, link)
	}
	if got := s.status(victim); !got.SandboxPaused || s.calls(e2bsim.Connect) != 1 {
		t.Errorf("another preview is %s, after %d connects", got.SandboxState, s.calls(e2bsim.Connect))
	}
}
