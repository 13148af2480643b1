package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
)

func TestLimitsAreToldToVisitors(t *testing.T) {
	b := setup(t)
	b.allowed.WakesPerHour = 1
	j := b.asleep()
	token := b.Link(j, job.FollowProject)
	sleep := func() {
		b.Pass(awake)
		j = b.Pause(b.Row(j.ID))
		b.Cache.Publish(t.Context(), j)
	}
	b.post(token, job.Click).Want(http.StatusOK)
	sleep()
	got := b.post(token, job.Click)
	got.Want(http.StatusTooManyRequests, "This link has woken previews as often as it may in an hour; try again later")
	if got.Header["Retry-After"] == "" {
		t.Error("nobody is told when to come back")
	}
	page := b.send(token, "intent=click", map[string]string{"content-type": form})
	page.Want(http.StatusTooManyRequests, "<h1>", "This link has woken previews", "Try again")
	b.untouched(j, 1)
	b.allowed.WakesPerHour = 0
	b.waker.Limits = job.TierLimits{job.Bootstrapper: {WakesPerHour: 1}}
	b.post(token, job.Click).Want(http.StatusOK)
	sleep()
	got = b.post(token, job.Click)
	got.Want(http.StatusTooManyRequests, "owner")
	if strings.Contains(got.Text, "Your") {
		t.Errorf("a visitor is told of limits that are the owner's: %s", got.Text)
	}
	if n := b.Log.Counted(metrics.WakesRefused); n != 3 {
		t.Errorf("%v wakes are counted as refused, want two by the link's limits and one by the owner's", n)
	}
}

// Whose previews are being woken is the owner's to know.
func TestAVisitorIsToldOfNobodysPreviews(t *testing.T) {
	b := setup(t)
	for range job.MaxWaking {
		b.Must(b.Rows.TakeResume(t.Context(), b.asleep(), jobs.Wake{Time: awake}))
	}
	j := b.asleep()
	token := b.Link(j, job.FollowJob)
	got := b.post(token, job.Click)
	got.Want(http.StatusTooManyRequests, "of its owner's are being woken at this moment; try again")
	if got.Header["Retry-After"] != "1" {
		t.Errorf("Retry-After %q", got.Header["Retry-After"])
	}
	b.untouched(j, 0)
	b.Pass(job.WaiterTime + time.Second)
	b.post(token, job.Click).Want(http.StatusOK)
}

// Without scripts a visitor reads sentences: of the page itself, where that tells why
// nothing wakes, or of a page about the error.
func TestAFormIsAnsweredInSentences(t *testing.T) {
	b := setup(t)
	plain := map[string]string{"content-type": form}
	j := b.asleep()
	token := b.Link(j, job.FollowJob)
	for _, body := range []string{"intent=%3F", "intent=viewing", "", "%"} {
		got := b.send(token, body, plain)
		got.Want(http.StatusBadRequest, "That did not work", "The page sent something that is not its own.", "Open preview")
		if strings.Contains(got.Text, "must be") {
			t.Errorf("a visitor reads what is for who writes calls: %s", got.Text)
		}
	}
	b.untouched(j, 0)
	for name, set := range map[string]string{
		"gone":     "sandbox_state = 'gone', sandbox_paused = false",
		"moved":    "sandbox_state = 'moved', sandbox_paused = false, op_until = NULL, pause_due_at = NULL, sandbox_expires_at = NULL, moved_to = '" + b.Accept(functiontest.NewJob()).ID + "'",
		"building": "status = 'deps', completed_at = NULL, lease_until = now(), sandbox_state = 'running', sandbox_paused = false",
	} {
		j := b.asleep()
		token := b.Link(j, job.FollowJob)
		b.Set(j.ID, set) // the page that was open does not know yet
		got := b.send(token+"?path=/a", "intent=click", plain)
		if got.Status != http.StatusSeeOther || got.Header["Location"] != "/p/"+token+"?path=%2Fa" {
			t.Errorf("%s: got %d, the way leads to %q", name, got.Status, got.Header["Location"])
		}
	}
}
