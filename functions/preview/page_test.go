package main

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/page"
)

// bots are who asks for pages that nobody looks at.
var bots = []string{
	"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Twitterbot/1.0", "facebookexternalhit/1.1", "LinkedInBot/1.0",
	"Discordbot/2.0", "TelegramBot (like TwitterBot)", "WhatsApp/2.24", "Googlebot/2.1", "bingbot/2.0", "DuckDuckBot/1.1",
	"YandexBot/3.0", "Baiduspider/2.0", "Applebot/0.1", "SkypeUriPreview", "Mozilla/5.0 (Teams)", "redditbot/1.0", "Pinterestbot/1.0",
	"curl/8.5", "python-requests/2.32", "Mozilla/5.0 HeadlessChrome/140",
}

func TestAPageWakesNothing(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	for _, bot := range bots {
		for _, route := range []string{pageRoute, stateRoute} {
			b.send(route, token, map[string]string{"user-agent": bot, "sec-purpose": "prefetch"}).Want(http.StatusOK, "This preview is asleep")
		}
	}
	b.untouched(j)
}

func TestThePageOfEachState(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.Link(j, job.FollowJob)
	for name, c := range map[string]struct {
		set   string
		state page.State
		parts []string
	}{
		"asleep":     {"goal = goal", page.Asleep, []string{"Version 1, built on " + j.CreatedAt.UTC().Format("2 January 2006 at 15:04"), "Open preview", `method="post"`}},
		"waking":     {"sandbox_state = 'resuming', sandbox_paused = false, op_until = now() + interval '1 minute', pause_due_at = now() + interval '10 minutes'", page.Waking, []string{"waking up", "http-equiv", "Open preview"}},
		"hung":       {"sandbox_state = 'resuming', sandbox_paused = false, op_until = now(), pause_due_at = now()", page.Asleep, []string{"Open preview"}},
		"pausing":    {"sandbox_state = 'pausing', sandbox_paused = false, op_until = now() + interval '1 minute'", page.Asleep, nil},
		"due":        {"sandbox_state = 'running', sandbox_paused = false, pause_due_at = now(), sandbox_expires_at = now() + interval '1 hour'", page.Asleep, nil},
		"awake":      {"sandbox_state = 'running', sandbox_paused = false, pause_due_at = now() + interval '10 minutes', sandbox_expires_at = now() + interval '1 hour'", page.Awake, []string{"<iframe", j.PreviewURL}},
		"moved":      {"sandbox_state = 'moved', sandbox_paused = false, op_until = NULL, pause_due_at = NULL, sandbox_expires_at = NULL, moved_to = gen_random_uuid()", page.Moved, []string{"newer version", "http-equiv"}},
		"gone":       {"sandbox_state = 'gone', sandbox_paused = false", page.Gone, []string{"built again"}},
		"installing": {"status = 'deps', completed_at = NULL, lease_until = now(), sandbox_state = 'running', sandbox_paused = false", page.Building, []string{"Installing dependencies", `data-stage="deps" aria-current="step"`, "http-equiv"}},
		"scheduled":  {"status = 'scheduled', schedule_for = now() + interval '1 day', completed_at = NULL, lease_until = now(), sandbox_state = 'running', sandbox_paused = false", page.Building, []string{"scheduled for another day", `"refresh" content="30"`}},
		"failed":     {"status = 'failed', error_message = 'secret words', debug_id = gen_random_uuid()::text, sandbox_state = 'gone', sandbox_paused = false", page.Failed, []string{"could not be built"}},
	} {
		_, err := b.Pool.Exec(t.Context(), "BEGIN; UPDATE jobs SET revision = revision + 1, "+c.set+"; COMMIT")
		b.OK(err)
		b.Cache.Publish(t.Context(), b.Row(j.ID))
		got := b.show(token)
		got.Want(http.StatusOK, append(c.parts, `data-state="`+string(c.state)+`"`)...)
		if strings.Contains(got.Text, "secret words") || strings.Contains(got.Text, functiontest.Alice) || strings.Contains(got.Text, "{{") {
			t.Errorf("%s: the page says too much:\n%s", name, got.Text)
		}
		if button := strings.Contains(got.Text, `id="open"`) && !strings.Contains(got.Text, `wake" hidden>`); button != (c.state == page.Asleep || c.state == page.Waking) {
			t.Errorf("%s: there is a button: %v", name, button)
		}
		told := b.wantState(token, c.state)
		if address := told.Told["preview_url"]; (address == nil) == (c.state == page.Awake) {
			t.Errorf("%s: the preview's address is %v", name, address)
		}
		b.Set(j.ID, `status = 'ready', completed_at = now(), lease_until = NULL, error_message = NULL, sandbox_state = 'paused', sandbox_paused = true, paused_at = now(), moved_to = NULL`)
	}
}

// A browser is told what the page may do, and nobody else where it is.
func TestThePolicyOfAPage(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	b.pages = page.New(page.Config{View: time.Hour, Ancestors: []string{"https://app.example.com", "https://b.example.com"}})
	for name, got := range map[string]functiontest.Reply{"asleep": b.show(token), "ended": b.show("x")} {
		policy := got.Header["Content-Security-Policy"]
		for _, kind := range []string{"script", "style"} {
			inside := regexp.MustCompile(`(?s)<` + kind + `>(.*)</` + kind + `>`).FindStringSubmatch(got.Text)
			if inside == nil {
				t.Fatalf("%s: no %s in %s", name, kind, got.Text)
			}
			sum := sha256.Sum256([]byte(inside[1]))
			if hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, kind+"-src "+hash+";") {
				t.Errorf("%s: the page's own %s has the hash %s, its policy is %s", name, kind, hash, policy)
			}
		}
		for _, part := range []string{"default-src 'none'", "frame-src https://*.e2b.app;", "frame-ancestors https://app.example.com https://b.example.com", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: %s is missing in %s", name, part, policy)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", name, policy)
		}
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "X-Content-Type-Options": "nosniff",
			"Content-Type": "text/html; charset=utf-8",
		} {
			if got.Header[header] != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got.Header[header], want)
			}
		}
		if size := len(got.Text); size > 30_000 {
			t.Errorf("%s: the page has %d bytes", name, size)
		}
	}
	b.pages = page.New(page.Config{View: time.Hour})
	if policy := b.show(token).Header["Content-Security-Policy"]; !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("without a setting, the policy is %s", policy)
	}
}

func TestAPathOfTheApp(t *testing.T) {
	b := setup(t)
	j := b.set(b.Accept(functiontest.NewJob()), isReady+`, sandbox_state = 'running', pause_due_at = now() + interval '10 minutes', sandbox_expires_at = now() + interval '1 hour'`)
	token := b.Link(j, job.FollowJob)
	for path, want := range map[string]string{
		"": preview, "/pricing": preview + "/pricing", "/a?b=c": preview + "/a?b=c", "pricing": preview, "https://evil.example": preview,
		"//evil.example": preview + "//evil.example", "@evil.example": preview, "/" + strings.Repeat("a", 2000): preview,
	} {
		b.show(token+"?path="+url.QueryEscape(path)).Want(http.StatusOK, `src="`+want+`"`)
	}
	got := b.show(token + `?path=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E`)
	got.Want(http.StatusOK, `/&#34;&gt;&lt;script&gt;alert(1)`)
	if strings.Contains(got.Text, "<script>alert") {
		t.Error("the path is in the page as it was sent")
	}
}

// A poll that has nothing new costs no bytes.
func TestAStateThatIsKnownIsNotToldAgain(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	first := b.wantState(token, page.Asleep)
	header := map[string]string{"if-none-match": first.Header["Etag"]}
	if again := b.send(stateRoute, token, header); again.Status != http.StatusNotModified || again.Text != "" || again.Header["Etag"] != first.Header["Etag"] || again.Header["Retry-After"] == "" {
		t.Errorf("got %d %v %s", again.Status, again.Header, again.Text)
	}
	b.Cache.Publish(t.Context(), b.Set(j.ID, "sandbox_state = 'gone', sandbox_paused = false"))
	b.send(stateRoute, token, header).Want(http.StatusOK, `"gone"`)
}

// A link to a project shows what counts by then.
func TestALinkToAProjectFollowsIt(t *testing.T) {
	b := setup(t)
	n := b.Accept(newJobOf(job.NewID()))
	token := b.Link(n, job.FollowProject)
	b.wantState(token, page.Building)
	first := b.asleepOf(n.ProjectID)
	b.Cache.PublishCurrent(t.Context(), first, "")
	if got := b.wantState(token, page.Asleep); got.Told["version"] != "2" {
		t.Errorf("version %v", got.Told["version"])
	}
	second := b.asleepOf(n.ProjectID)
	b.Cache.PublishCurrent(t.Context(), second, "")
	if got := b.wantState(token, page.Asleep); got.Told["version"] != "3" {
		t.Errorf("version %v", got.Told["version"])
	}
	if got := b.wantState(b.Link(first, job.FollowJob), page.Asleep); got.Told["version"] != "2" {
		t.Errorf("a link to one version shows %v", got.Told["version"])
	}
}
