package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"siesta/local/client"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

// states of a version, as its row is then, and as the page's clock has it.
var states = []struct{ name, state, row string }{
	{"asleep", "asleep", "goal = goal"},
	{"waking", "waking", "sandbox_state = 'resuming', sandbox_paused = false, op_until = clock_timestamp() + interval '1 minute', pause_due_at = clock_timestamp() + interval '10 minutes'"},
	{"moved", "moved", "sandbox_state = 'moved', sandbox_paused = false, op_until = NULL, pause_due_at = NULL, sandbox_expires_at = NULL, moved_to = gen_random_uuid()"},
	{"gone", "gone", "sandbox_state = 'gone', sandbox_paused = false"},
	{"failed", "failed", "status = 'failed', error_message = 'x', debug_id = gen_random_uuid()::text, sandbox_state = 'gone', sandbox_paused = false"},
	{"building", "building", building},
}

const (
	building    = "status = 'deps', completed_at = NULL, lease_until = now(), sandbox_state = 'running', sandbox_paused = false"
	sleeps      = "status = 'ready', completed_at = now(), lease_until = NULL, error_message = NULL, debug_id = NULL, sandbox_state = 'paused', sandbox_paused = true, paused_at = now(), op_until = NULL, pause_due_at = NULL, sandbox_expires_at = NULL, moved_to = NULL"
	nearlySleep = "pause_due_at = clock_timestamp() + interval '4 minutes'"
)

// everyState: in each state of the page nothing keeps people out, it is there before
// anything else is loaded, it is small, fits its window, and is kept as pictures.
func (s *system) everyState() {
	axe := axeCore(s.t)
	id, preview, _ := s.sleeping(counter)
	link := s.link(id, `{"follow": "job"}`)
	p := s.another(link, fast)
	set := s.rows(id)
	for _, c := range states {
		set(c.row)
		s.visit(p, link, c.state)
		p.judge(axe, c.name)
		if c.state == "building" {
			moves := `getComputedStyle(document.querySelector("li[aria-current]"), "::before").animationName`
			p.shows(moves + ` === "pulse"`)
			if err := p.Prefers(s.t.Context(), "reduced-motion", "reduce"); err != nil {
				s.t.Fatal(err)
			}
			p.shows(moves + ` === "none"`)
		}
		set(sleeps)
	}
	s.logged(p, id, axe, set)
	s.awaited(p, link, preview, set)
	s.visit(p, link, "asleep")
	p.click("#open button")
	p.shows(`document.body.dataset.state === "awake" && document.getElementById("app")`)
	s.frame(preview).shows(`count`)
	p.judge(axe, "awake")

	// It is due soon, but kept awake; then it cannot be, and the page says when it sleeps.
	p.shows(`(window.go = fetch, window.fetch = (a, i) => i && i.body ? go(document.body.dataset.base + "/state").finally(() => answered++) : go(a, i), true)`)
	set(nearlySleep)
	p.shows(`(window.answered = 0, true)`)
	p.shows(`answered > 1`)
	p.shows(`document.getElementById("text").innerText === ""`)
	p.shows(`(window.fetch = (a, i) => i && i.body ? Promise.reject() : go(a, i), true)`)
	p.shows(`document.getElementById("text").innerText.startsWith("asleep in ")`)
	p.shows(`((now, at) => (window.resume = () => { Date.now = now; }, Date.now = () => at))(Date.now, Date.now())`) // while it is looked at
	p.judge(axe, "about-to-sleep")
	p.shows(`(resume(), document.getElementById("text").innerText.startsWith("asleep in "))`)
	// Who has hidden the bar is told that it may not be kept awake.
	p.click("#hide")
	p.shows(`document.getElementById("bar").hidden`)
	p.shows(`(window.fetch = (a, i) => i && i.body ? Promise.resolve(new Response('{"detail": "Enough for today"}', { status: 429 })) : go(a, i), true)`)
	p.shows(`!document.getElementById("bar").hidden && document.getElementById("text").innerText.endsWith("Enough for today")`)
	p.shows(`later(3600e3), !document.getElementById("still").hidden`)
	p.judge(axe, "still-there")

	s.visit(p, link+"x", "error")
	p.judge(axe, "no-such-page")
	set(sleeps)
	s.visit(p, link, "asleep")
	s.refused(p, set)
	set(sleeps)
	s.visit(p, link, "asleep")
	p.shows(`(document.querySelector("input").value = "?", document.getElementById("open").submit(), true)`)
	p.shows(`document.body.dataset.state === "error"`)
	p.judge(axe, "error")
	if _, err := client.Wanted(http.StatusNoContent)(s.user.Call(s.t.Context(), http.MethodDelete, "/api/generation/"+id+"/share", nil, nil)); err != nil {
		s.t.Fatal(err)
	}
	s.visit(p, link, "error")
	p.judge(axe, "ended")
}

// visit opens a link, whatever the page that is there was about to open itself.
func (s *system) visit(p *tab, link, state string) {
	s.t.Helper()
	p.shows(`location.href === "about:blank" || (location.replace("about:blank"), false)`)
	if err := p.Visit(s.t.Context(), link); err != nil {
		s.t.Fatal(err)
	}
	p.shows(`document.readyState === "complete" && document.body.dataset.state === "` + state + `"`)
}

// rows changes a version's row, behind everybody's back, and tells the cache.
func (s *system) rows(id string) func(set string) {
	s.t.Helper()
	db, err := postgres.Open(s.t.Context(), postgres.Config{URL: s.DatabaseURL})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(db.Close)
	cache := s.cache()
	changes, err := pgx.Connect(s.t.Context(), s.DatabaseURL)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = changes.Close(context.Background()) })
	store := jobs.NewStore(db, "", nil)
	return func(set string) {
		s.t.Helper()
		if _, err := changes.Exec(s.t.Context(), "UPDATE jobs SET revision = revision + 1, "+set+" WHERE id = $1", id); err != nil {
			s.t.Fatal(err)
		}
		j, err := store.Get(s.t.Context(), id)
		if err != nil {
			s.t.Fatal(err)
		}
		cache.Publish(s.t.Context(), j)
	}
}

func (s *system) cache() *redis.Cache {
	s.t.Helper()
	cache, err := redis.Open(redis.Config{URL: s.RedisURL, CallTimeout: soon})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = cache.Close() })
	return cache
}

// axeCore is the script that finds what keeps people out of a page, as npm has it.
func axeCore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", "axe", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--loglevel=error", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("this test needs axe-core from npm's registry, or its cache, and cannot have it: %v\n%s", err, out)
	}
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// looks are the windows that people have.
var looks = []struct {
	name          string
	width, height int
	dark          bool
}{{"desktop-light", 1280, 800, false}, {"phone-dark", 390, 800, true}, {"phone-light", 390, 800, false}, {"desktop-dark", 1280, 800, true}}

// judge holds the page of a state to what people need, in each window, and keeps
// pictures for them to look at.
func (p *tab) judge(axe, name string) {
	p.t.Helper()
	folder := filepath.Join(root, ".local", "screenshots")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		p.t.Fatal(err)
	}
	want := func(what, want, script string) {
		p.t.Helper()
		if got, err := p.Eval(p.t.Context(), script); err != nil || got != want {
			p.t.Errorf("%s: %s: %s, %v", name, what, got, err)
		}
	}
	want("it loads, but for its state and the app", "[]", `performance.getEntriesByType("resource").map((e) => e.name).filter((n) => !n.endsWith("/state") && !n.endsWith("/wake") && n !== document.getElementById("app")?.src)`)
	want("it has more than 30 KB", "true", `performance.getEntriesByType("navigation")[0].decodedBodySize < 30000`)
	if _, err := p.Eval(p.t.Context(), axe+"; 0"); err != nil {
		p.t.Fatal(err)
	}
	for i, l := range looks {
		if err := p.Look(p.t.Context(), l.width, l.height, l.dark); err != nil {
			p.t.Fatal(err)
		}
		want("it is wider than a window of "+fmt.Sprint(l.width), "true", `document.documentElement.scrollWidth <= innerWidth`)
		want("the end of its log is not seen in a window of "+fmt.Sprint(l.width), "true", `!window.log || log.scrollWidth <= log.clientWidth && `+endOfLog)
		if i < 2 { // the others have the same parts and the same colors
			want("axe finds, "+l.name, "[]", `axe.run(document, { iframes: false, resultTypes: ["violations"] }).then((r) => r.violations.map((v) => [v.id, v.help, ...v.nodes.map((n) => n.html)].join(" ")))`)
		}
		picture, err := p.Screenshot(p.t.Context())
		if err = errors.Join(err, os.WriteFile(filepath.Join(folder, name+"-"+l.name+".png"), picture, 0o644)); err != nil {
			p.t.Fatal(err)
		}
	}
}
