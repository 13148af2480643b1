package main

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
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
	token := b.link(j, job.FollowProject)
	before := len(b.E2B.Calls())
	for _, bot := range bots {
		for _, route := range []string{pageRoute, stateRoute} {
			b.want(b.send(route, token, "", map[string]string{"user-agent": bot, "sec-purpose": "prefetch"}), http.StatusOK, "This preview is asleep")
		}
	}
	if after := len(b.E2B.Calls()); after != before {
		t.Errorf("%d calls to E2B", after-before)
	}
	b.untouched(j, 0)
}

func TestThePageOfEachState(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.link(j, job.FollowJob)
	for name, c := range map[string]struct {
		set   string
		state state
		parts []string
	}{
		"asleep":     {"goal = goal", stateAsleep, []string{"Version 1, built on " + j.CreatedAt.UTC().Format("2 January 2006 at 15:04"), "Open preview", `method="post"`}},
		"waking":     {"sandbox_state = 'resuming', sandbox_paused = false, op_until = now() + interval '1 minute', pause_due_at = now() + interval '10 minutes'", stateWaking, []string{"waking up", "http-equiv", "Open preview"}},
		"hung":       {"sandbox_state = 'resuming', sandbox_paused = false, op_until = now(), pause_due_at = now()", stateAsleep, []string{"Open preview"}},
		"pausing":    {"sandbox_state = 'pausing', sandbox_paused = false, op_until = now() + interval '1 minute'", stateAsleep, nil},
		"due":        {"sandbox_state = 'running', sandbox_paused = false, pause_due_at = now(), sandbox_expires_at = now() + interval '1 hour'", stateAsleep, nil},
		"awake":      {"sandbox_state = 'running', sandbox_paused = false, pause_due_at = now() + interval '10 minutes', sandbox_expires_at = now() + interval '1 hour'", stateAwake, []string{"<iframe", j.PreviewURL}},
		"moved":      {"sandbox_state = 'moved', sandbox_paused = false, op_until = NULL, pause_due_at = NULL, sandbox_expires_at = NULL, moved_to = gen_random_uuid()", stateMoved, []string{"newer version", "http-equiv"}},
		"gone":       {"sandbox_state = 'gone', sandbox_paused = false", stateGone, []string{"built again"}},
		"installing": {"status = 'deps', completed_at = NULL, lease_until = now(), sandbox_state = 'running', sandbox_paused = false", stateBuilding, []string{"Installing dependencies", `data-stage="deps" aria-current="step"`, "http-equiv"}},
		"failed":     {"status = 'failed', error_message = 'secret words', debug_id = gen_random_uuid()::text, sandbox_state = 'gone', sandbox_paused = false", stateFailed, []string{"could not be built"}},
	} {
		_, err := b.Pool.Exec(t.Context(), "BEGIN; UPDATE jobs SET revision = revision + 1, "+c.set+"; COMMIT")
		b.OK(err)
		b.Cache.Publish(t.Context(), b.Row(j.ID))
		got := b.show(token)
		b.want(got, http.StatusOK, append(c.parts, `data-state="`+string(c.state)+`"`)...)
		if strings.Contains(got.text, "secret words") || strings.Contains(got.text, alice) || strings.Contains(got.text, "{{") {
			t.Errorf("%s: the page says too much:\n%s", name, got.text)
		}
		if button := strings.Contains(got.text, `id="open"`) && !strings.Contains(got.text, `wake" hidden>`); button != (c.state == stateAsleep || c.state == stateWaking) {
			t.Errorf("%s: there is a button: %v", name, button)
		}
		told := b.wantState(token, c.state)
		if address := told.told["preview_url"]; (address == nil) == (c.state == stateAwake) {
			t.Errorf("%s: the preview's address is %v", name, address)
		}
		b.Set(j.ID, `status = 'ready', completed_at = now(), lease_until = NULL, error_message = NULL, sandbox_state = 'paused', sandbox_paused = true, paused_at = now(), moved_to = NULL`)
	}
}

// A browser is told what the page may do, and nobody else where it is.
func TestThePolicyOfAPage(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.link(j, job.FollowProject)
	b.page = newPage("https://*.e2b.app", []string{"https://app.example.com", "https://b.example.com"}, time.Hour)
	for name, got := range map[string]reply{"asleep": b.show(token), "ended": b.show("x")} {
		policy := got.header["Content-Security-Policy"]
		for _, kind := range []string{"script", "style"} {
			inside := regexp.MustCompile(`(?s)<` + kind + `>(.*)</` + kind + `>`).FindStringSubmatch(got.text)
			if inside == nil {
				t.Fatalf("%s: no %s in %s", name, kind, got.text)
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
			if got.header[header] != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got.header[header], want)
			}
		}
		if size := len(got.text); size > 30_000 {
			t.Errorf("%s: the page has %d bytes", name, size)
		}
	}
	if policy := newPage("https://*.e2b.app", nil, time.Hour).header["Content-Security-Policy"]; !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("without a setting, the policy is %s", policy)
	}
}

func TestAPathOfTheApp(t *testing.T) {
	const preview = "https://3000-x.e2b.app/docs/"
	for path, want := range map[string]string{
		"": preview, "/pricing": "https://3000-x.e2b.app/pricing", "/a?b=c&d#e": "https://3000-x.e2b.app/a?b=c&d#e",
		"pricing": preview, "https://evil.example": preview, "//evil.example": "https://3000-x.e2b.app//evil.example", "@evil.example": preview,
		"/" + strings.Repeat("a", maxPath): preview,
	} {
		if got := appAddress(preview, path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	b := setup(t)
	j := b.asleep()
	b.Set(j.ID, "sandbox_state = 'running', sandbox_paused = false, pause_due_at = now() + interval '10 minutes', sandbox_expires_at = now() + interval '1 hour'")
	b.Cache.Publish(t.Context(), b.Row(j.ID))
	token := b.link(j, job.FollowJob)
	got := b.show(token + `?path=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E`)
	b.want(got, http.StatusOK, `/&#34;&gt;&lt;script&gt;alert(1)`)
	if strings.Contains(got.text, "<script>alert") {
		t.Error("the path is in the page as it was sent")
	}
}

// A poll that has nothing new costs no bytes.
func TestAStateThatIsKnownIsNotToldAgain(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.link(j, job.FollowProject)
	first := b.wantState(token, stateAsleep)
	header := map[string]string{"if-none-match": first.header["Etag"]}
	if again := b.send(stateRoute, token, "", header); again.status != http.StatusNotModified || again.text != "" || again.header["Etag"] != first.header["Etag"] || again.header["Retry-After"] == "" {
		t.Errorf("got %d %v %s", again.status, again.header, again.text)
	}
	b.Cache.Publish(t.Context(), b.Set(j.ID, "sandbox_state = 'gone', sandbox_paused = false"))
	b.want(b.send(stateRoute, token, "", header), http.StatusOK, `"gone"`)
}

// A link to a project shows what counts by then.
func TestALinkToAProjectFollowsIt(t *testing.T) {
	b := setup(t)
	n := b.Accept(newJobOf(job.NewID()))
	token := b.link(n, job.FollowProject)
	b.wantState(token, stateBuilding)
	first := b.asleepOf(n.ProjectID)
	b.Cache.PublishCurrent(t.Context(), first, "")
	if got := b.wantState(token, stateAsleep); got.told["version"] != "2" {
		t.Errorf("version %v", got.told["version"])
	}
	second := b.asleepOf(n.ProjectID)
	b.Cache.PublishCurrent(t.Context(), second, "")
	if got := b.wantState(token, stateAsleep); got.told["version"] != "3" {
		t.Errorf("version %v", got.told["version"])
	}
	if got := b.wantState(b.link(first, job.FollowJob), stateAsleep); got.told["version"] != "2" {
		t.Errorf("a link to one version shows %v", got.told["version"])
	}
	if b.Calls(e2bsim.Connect) > 0 {
		t.Error("something was woken")
	}
}
