package main

import (
	"net/http"
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
	token := b.Link(j, job.FollowProject)
	got := b.post(token, job.Click)
	got.Want(http.StatusOK)
	if got.Told["state"] != "awake" || got.Told["preview_url"] != j.PreviewURL {
		t.Errorf("got %v", got.Told)
	}
	b.post(token, job.Click).Want(http.StatusOK)
	if row := b.Row(j.ID); row.SandboxState != job.SandboxRunning || b.Calls(e2bsim.Connect) != 1 {
		t.Errorf("%s after %d connects", row.SandboxState, b.Calls(e2bsim.Connect))
	}
}

func TestManyClicksMakeOneWake(t *testing.T) {
	b := setup(t)
	b.allowed = redis.Allowance{WakesPerHour: 1, AwakePerDay: awake}
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	answers := make([]functiontest.Reply, 20)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.post(token, job.Click) })
	}
	all.Wait()
	for _, got := range answers {
		if got.Status != http.StatusOK && got.Status != http.StatusAccepted {
			t.Errorf("got %d %s", got.Status, got.Text)
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
	token := b.Link(j, job.FollowProject)
	plain := map[string]string{"content-type": form, "origin": "null"} // what a browser says of a form of a page without referrers
	got := b.send(token+"?path=/a", "intent=click", plain)
	got.Want(http.StatusSeeOther)
	if got.Header["Location"] != "/p/"+token+"?path=%2Fa" || b.Row(j.ID).SandboxState != job.SandboxRunning {
		t.Errorf("leads to %s; the sandbox is %s", got.Header["Location"], b.Row(j.ID).SandboxState)
	}
	b.send(token, "intent=viewing", plain).Want(http.StatusBadRequest, "<h1>")
	b.send("x", "intent=click", plain).Want(http.StatusNotFound, "There is no such page")
}

func TestPostsFromElsewhereAreRefused(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	for name, header := range map[string]map[string]string{
		"another site":                {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
		"another site, by our origin": {"sec-fetch-site": "cross-site"},
		"the app in the frame":        {"sec-fetch-site": "same-site", "origin": j.PreviewURL},
		"typed in":                    {"sec-fetch-site": "none"},
		"an older browser":            {"sec-fetch-site": "", "origin": "https://evil.example"},
		"a sandboxed frame":           {"sec-fetch-site": "", "origin": "null"},
		"no browser":                  {"sec-fetch-site": "", "origin": ""},
		"without TLS":                 {"sec-fetch-site": "", "origin": "http://api.example.com"},
		"a longer name":               {"sec-fetch-site": "", "origin": functiontest.Site + ".evil.example"},
	} {
		for _, intent := range []job.Intent{job.Click, job.Viewing} {
			got := b.send(token, `{"intent": "`+string(intent)+`"}`, header)
			if got.Status != http.StatusForbidden {
				t.Errorf("%s: got %d %s", name, got.Status, got.Text)
			}
		}
		header["content-type"] = form
		if got := b.send(token, "intent=click", header); got.Status != http.StatusForbidden {
			t.Errorf("%s, a form: got %d", name, got.Status)
		}
	}
	for _, kind := range []string{"text/plain", "multipart/form-data; boundary=x", ""} {
		if got := b.send(token, `{"intent": "click"}`, map[string]string{"content-type": kind}); got.Status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", kind, got.Status, got.Text)
		}
	}
	for _, body := range []string{"", "null", `{"intent": "open"}`} {
		if got := b.send(token, body, nil); got.Status != http.StatusBadRequest && got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: got %d %s", body, got.Status, got.Text)
		}
	}
	b.untouched(j, 0)
	b.send(token, `{"intent": "click"}`, map[string]string{"sec-fetch-site": ""}).Want(http.StatusOK) // an older browser, of our page
}

// Whoever posts with a link that is wrong, or has ended, is told so, in words where a
// person reads them, and wakes nothing.
func TestABadLinkWakesNothing(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	ended := b.Link(j, job.FollowProject)
	b.EndLinks(j)
	bobs := b.Share("user_bob", j.ProjectID)
	another := b.Sign(job.Link{Follow: job.FollowJob, Share: bobs.ID, Number: bobs.Number, JobID: j.ID, Ends: time.Now().Add(time.Hour)})
	for name, c := range map[string]struct {
		token, words string
		status       int
	}{
		"wrong":                {b.Link(j, job.FollowJob) + "A", "There is no such page", http.StatusNotFound},
		"ended by its owner":   {ended, "no longer available", http.StatusGone},
		"another's version":    {another, "no longer available", http.StatusGone},
		"to another's project": {b.Sign(job.Link{Follow: job.FollowProject, Share: bobs.ID, Number: bobs.Number, Ends: time.Now().Add(time.Hour)}), "no longer available", http.StatusGone},
	} {
		for _, intent := range []job.Intent{job.Click, job.Viewing} {
			if got := b.post(c.token, intent); got.Status != c.status {
				t.Errorf("%s, %s: got %d %s", name, intent, got.Status, got.Text)
			}
		}
		b.send(c.token, "intent=click", map[string]string{"content-type": form}).Want(c.status, "<h1>", c.words)
	}
	b.untouched(j, 0)
}

// Who looks keeps awake what is, and wakes nothing.
func TestViewingProlongsWhatIsAwake(t *testing.T) {
	b := setup(t)
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	got := b.post(token, job.Viewing)
	got.Want(http.StatusOK, `"asleep"`)
	b.untouched(j, 0)
	b.post(token, job.Click).Want(http.StatusOK)
	before := b.Row(j.ID)
	b.post(token, job.Viewing).Want(http.StatusOK, `"awake"`)
	b.untouched(before, 1)
	b.Pass(awake/2 + time.Minute)
	b.post(token, job.Viewing).Want(http.StatusOK, `"awake"`)
	if row := b.Row(j.ID); row.PauseDueAt.Sub(row.ReadAt) < awake-10*time.Second {
		t.Errorf("due in %v", row.PauseDueAt.Sub(row.ReadAt))
	}
	// It ended, be it by E2B's hand, and the row does not say so yet.
	connects := b.Calls(e2bsim.Connect)
	for _, over := range []string{"sandbox_expires_at = now()", "pause_due_at = now()"} {
		row := b.Set(j.ID, "pause_due_at = now() + interval '1 minute', sandbox_expires_at = now() + interval '1 hour'")
		row = b.Set(row.ID, over)
		b.post(token, job.Viewing).Want(http.StatusOK, `"asleep"`)
		b.untouched(row, connects)
	}
}

// A link that is posted where thousands look keeps nothing awake for ever, and each of
// them is told why.
func TestLinksKeepNothingAwakeForEver(t *testing.T) {
	b := setup(t)
	b.allowed.AwakePerDay = 2 * awake
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	b.post(token, job.Click).Want(http.StatusOK)
	first := b.Row(j.ID)
	prolonged := 0
	for range 4 {
		b.Pass(awake/2 + time.Minute)
		before := b.Row(j.ID)
		var all sync.WaitGroup
		answers := make([]functiontest.Reply, 5)
		for i := range answers {
			all.Go(func() { answers[i] = b.post(token, job.Viewing) })
		}
		all.Wait()
		if b.Row(j.ID).Epoch > before.Epoch {
			prolonged++
			continue
		}
		for _, got := range answers {
			got.Want(http.StatusTooManyRequests, "This link has kept previews awake for as long as it may in a day; try again later")
		}
		break
	}
	if prolonged != 1 {
		t.Errorf("it was prolonged %d times since %v", prolonged, first.PauseDueAt)
	}
	b.Pass(awake)
	b.Cache.Publish(t.Context(), b.Pause(b.Row(j.ID)))
	got := b.post(token, job.Click)
	got.Want(http.StatusTooManyRequests, "This link has kept")
	if got.Header["Retry-After"] == "" {
		t.Error("nobody is told when to come back")
	}
	b.EndLinks(j)
	b.post(b.Link(j, job.FollowProject), job.Click).Want(http.StatusOK) // what its owner makes anew
}

// Where the cache cannot count, the owner's limits hold alone.
func TestWithoutACountTheOwnersLimitsHold(t *testing.T) {
	b := setup(t)
	b.allowed = redis.Allowance{WakesPerHour: 1, AwakePerDay: awake}
	b.waker.Limits = job.TierLimits{job.Bootstrapper: {AwakeSecondsPerDay: int((2 * awake).Seconds())}}
	b.waker.Times.Silent = 0
	j := b.asleep()
	token := b.Link(j, job.FollowJob)
	server := redistest.NewServer(t, redisserver.Config{TCP: true})
	hasty := functiontest.HastyCache(t, server.URL())
	b.waker.Cache, b.links.Cache = hasty, hasty
	server.Kill()
	for range 2 {
		b.post(token, job.Click).Want(http.StatusOK)
		b.Pass(awake)
		b.Pause(b.Row(j.ID))
	}
	b.post(token, job.Click).Want(http.StatusTooManyRequests, "as its owner's plan allows")
}
