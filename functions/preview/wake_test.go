package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/job"
	"siesta/shared/redis"
)

func TestAClickWakes(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.link(j, job.FollowProject)
	got := b.post(token, job.Click)
	b.want(got, http.StatusOK)
	if got.told["state"] != "awake" || got.told["preview_url"] != j.PreviewURL {
		t.Errorf("got %v", got.told)
	}
	b.want(b.show(token), http.StatusOK, `src="`+j.PreviewURL+`"`, "no-referrer")
	b.want(b.post(token, job.Click), http.StatusOK)
	if row := b.Row(j.ID); row.SandboxState != job.SandboxRunning || b.Calls(e2bsim.Connect) != 1 {
		t.Errorf("%s after %d connects", row.SandboxState, b.Calls(e2bsim.Connect))
	}
}

func TestManyClicksMakeOneWake(t *testing.T) {
	b := setup(t)
	b.allowed = redis.Allowance{WakesPerHour: 1, AwakePerDay: awake}
	j := b.asleep()
	token := b.link(j, job.FollowProject)
	answers := make([]reply, 20)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.post(token, job.Click) })
	}
	all.Wait()
	for _, got := range answers {
		if got.status != http.StatusOK && got.status != http.StatusAccepted {
			t.Errorf("got %d %s", got.status, got.text)
		}
	}
	if n := b.Calls(e2bsim.Connect); n != 1 {
		t.Errorf("%d connects", n)
	}
}

// Without scripts the button is a form, whose answer is the page.
func TestTheFormWorksByItself(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.link(j, job.FollowProject)
	page := b.show(token + "?path=/a")
	b.want(page, http.StatusOK, `action="/p/`+token+`/wake?path=%2Fa"`, `<input type="hidden" name="intent" value="click">`)
	plain := map[string]string{"content-type": form, "origin": "null"} // what a browser says of a form of a page without referrers
	got := b.send(wakeRoute, token+"?path=/a", "intent=click", plain)
	b.want(got, http.StatusSeeOther)
	if got.header["Location"] != "/p/"+token+"?path=%2Fa" || b.Row(j.ID).SandboxState != job.SandboxRunning {
		t.Errorf("leads to %s; the sandbox is %s", got.header["Location"], b.Row(j.ID).SandboxState)
	}
	b.want(b.send(wakeRoute, token, "intent=viewing", plain), http.StatusBadRequest, "<h1>")
	b.want(b.send(wakeRoute, "x", "intent=click", plain), http.StatusNotFound, "There is no such page")
}

func TestPostsFromElsewhereAreRefused(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.link(j, job.FollowProject)
	for name, header := range map[string]map[string]string{
		"another site":                {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
		"another site, by our origin": {"sec-fetch-site": "cross-site"},
		"the app in the frame":        {"sec-fetch-site": "same-site", "origin": j.PreviewURL},
		"typed in":                    {"sec-fetch-site": "none"},
		"an older browser":            {"sec-fetch-site": "", "origin": "https://evil.example"},
		"a sandboxed frame":           {"sec-fetch-site": "", "origin": "null"},
		"no browser":                  {"sec-fetch-site": "", "origin": ""},
		"without TLS":                 {"sec-fetch-site": "", "origin": "http://api.example.com"},
		"a longer name":               {"sec-fetch-site": "", "origin": site + ".evil.example"},
	} {
		for _, intent := range []job.Intent{job.Click, job.Viewing} {
			got := b.send(wakeRoute, token, `{"intent": "`+string(intent)+`"}`, header)
			if got.status != http.StatusForbidden {
				t.Errorf("%s: got %d %s", name, got.status, got.text)
			}
		}
		header["content-type"] = form
		if got := b.send(wakeRoute, token, "intent=click", header); got.status != http.StatusForbidden {
			t.Errorf("%s, a form: got %d", name, got.status)
		}
	}
	for _, kind := range []string{"text/plain", "multipart/form-data; boundary=x", ""} {
		if got := b.send(wakeRoute, token, `{"intent": "click"}`, map[string]string{"content-type": kind}); got.status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", kind, got.status, got.text)
		}
	}
	for _, body := range []string{"", "null", `{"intent": "open"}`} {
		if got := b.send(wakeRoute, token, body, nil); got.status != http.StatusBadRequest && got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: got %d %s", body, got.status, got.text)
		}
	}
	b.untouched(j, 0)
	b.want(b.send(wakeRoute, token, `{"intent": "click"}`, map[string]string{"sec-fetch-site": ""}), http.StatusOK) // an older browser, of our page
}

// Who looks keeps awake what is, and wakes nothing.
func TestViewingProlongsWhatIsAwake(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.link(j, job.FollowProject)
	got := b.post(token, job.Viewing)
	b.want(got, http.StatusOK, `"asleep"`)
	b.untouched(j, 0)
	b.want(b.post(token, job.Click), http.StatusOK)
	before := b.Row(j.ID)
	b.want(b.post(token, job.Viewing), http.StatusOK, `"awake"`)
	b.untouched(before, 1)
	b.Pass(awake/2 + time.Minute)
	b.want(b.post(token, job.Viewing), http.StatusOK, `"awake"`)
	if row := b.Row(j.ID); row.PauseDueAt.Sub(row.ReadAt) < awake-10*time.Second {
		t.Errorf("due in %v", row.PauseDueAt.Sub(row.ReadAt))
	}
	// It ended, be it by E2B's hand, and the row does not say so yet.
	connects := b.Calls(e2bsim.Connect)
	for _, over := range []string{"sandbox_expires_at = now()", "pause_due_at = now()"} {
		row := b.Set(j.ID, "pause_due_at = now() + interval '1 minute', sandbox_expires_at = now() + interval '1 hour'")
		row = b.Set(row.ID, over)
		b.want(b.post(token, job.Viewing), http.StatusOK, `"asleep"`)
		b.untouched(row, connects)
	}
}

func TestLimitsAreToldToVisitors(t *testing.T) {
	b := setup(t)
	b.allowed.WakesPerHour = 1
	j := b.asleep()
	token := b.link(j, job.FollowProject)
	sleep := func() {
		b.Pass(awake)
		j = b.Pause(b.Row(j.ID))
		b.Cache.Publish(t.Context(), j)
	}
	b.want(b.post(token, job.Click), http.StatusOK)
	sleep()
	got := b.post(token, job.Click)
	b.want(got, http.StatusTooManyRequests, "This link has woken previews as often as it may in an hour: 1")
	if got.header["Retry-After"] == "" {
		t.Error("nobody is told when to come back")
	}
	page := b.send(wakeRoute, token, "intent=click", map[string]string{"content-type": form})
	b.want(page, http.StatusTooManyRequests, "<h1>", "This link has woken previews", "Try again")
	b.untouched(j, 1)
	b.allowed.WakesPerHour = 0
	b.waker.Limits = job.TierLimits{job.Bootstrapper: {WakesPerHour: 1}}
	b.want(b.post(token, job.Click), http.StatusOK)
	sleep()
	got = b.post(token, job.Click)
	b.want(got, http.StatusTooManyRequests, "owner")
	if strings.Contains(got.text, "Your") {
		t.Errorf("a visitor is told of limits that are the owner's: %s", got.text)
	}
}

// A link that is posted where thousands look keeps nothing awake for ever, and each of
// them is told why.
func TestLinksKeepNothingAwakeForEver(t *testing.T) {
	b := setup(t)
	b.allowed.AwakePerDay = 2 * awake
	j := b.asleep()
	token := b.link(j, job.FollowProject)
	b.want(b.post(token, job.Click), http.StatusOK)
	first := b.Row(j.ID)
	prolonged := 0
	for range 4 {
		b.Pass(awake/2 + time.Minute)
		before := b.Row(j.ID)
		var all sync.WaitGroup
		answers := make([]reply, 5)
		for i := range answers {
			all.Go(func() { answers[i] = b.post(token, job.Viewing) })
		}
		all.Wait()
		if b.Row(j.ID).Epoch > before.Epoch {
			prolonged++
			continue
		}
		for _, got := range answers {
			b.want(got, http.StatusTooManyRequests, "This link has kept previews awake for as long as it may in a day: 20m0s")
		}
		break
	}
	if prolonged != 1 {
		t.Errorf("it was prolonged %d times since %v", prolonged, first.PauseDueAt)
	}
	b.Pass(awake)
	b.Cache.Publish(t.Context(), b.Pause(b.Row(j.ID)))
	got := b.post(token, job.Click)
	b.want(got, http.StatusTooManyRequests, "This link has kept")
	if got.header["Retry-After"] == "" {
		t.Error("nobody is told when to come back")
	}
	ended, err := b.shares.End(t.Context(), alice, j.ProjectID)
	b.OK(err)
	b.OK(b.Cache.EndShare(t.Context(), ended))
	b.want(b.post(b.link(j, job.FollowProject), job.Click), http.StatusOK) // what its owner makes anew
}

// Where the cache cannot count, the owner's limits hold alone.
func TestWithoutACountTheOwnersLimitsHold(t *testing.T) {
	b := setup(t)
	b.allowed = redis.Allowance{WakesPerHour: 1, AwakePerDay: awake}
	b.waker.Limits = job.TierLimits{job.Bootstrapper: {AwakeSecondsPerDay: int((2 * awake).Seconds())}}
	b.waker.Times.Silent = 0
	j := b.asleep()
	token := b.link(j, job.FollowJob)
	server := redistest.NewServer(t, redisserver.Config{TCP: true})
	b.waker.Cache = functiontest.HastyCache(t, server.URL())
	server.Kill()
	for range 2 {
		b.want(b.post(token, job.Click), http.StatusOK)
		b.Pass(awake)
		b.Pause(b.Row(j.ID))
	}
	b.want(b.post(token, job.Click), http.StatusTooManyRequests, "as its owner's plan allows")
}
