package systemtest

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/job"
)

// TestACancelledJobEnds at once and for good.
func TestACancelledJobEnds(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	id := u.start(commands("", "sleep 600", app(), "index.html", "hello"))
	j := s.await(id, "at its check", func(j job.Job) bool { return j.Status == job.Checks })
	if r := u.post(id, "cancel").want(http.StatusOK); r.answer().Status != "cancelled" {
		t.Errorf("cancel answered %s", r.body)
	}
	if got := u.status(id); got.Status != job.Failed || client.Text(got.ErrorMessage) != "Cancelled by user" {
		t.Errorf("the status says %+v", got)
	}
	s.until("its sandbox is gone", func() bool { return s.box(j).State == e2bsim.StateGone })
	u.post(id, "cancel").wantError(http.StatusConflict)
	s.passTime(5 * time.Minute)
	if j := s.failed(id); j.ErrorMessage != "Cancelled by user" {
		t.Errorf("the job became %s: %s", j.Status, j.ErrorMessage)
	}
	checkPromises(t, s)
}

// TestOneBuildAtATime: over the limit a job waits for its turn.
func TestOneBuildAtATime(t *testing.T) {
	s := newStack(t, func(c *stack.Config) { c.Env["LIMITS"] = `{"bootstrapper":{"per_user":1}}` })
	u := s.user()
	first := u.start(commands("", "sleep 600", app()))
	s.await(first, "at its check", func(j job.Job) bool { return j.Status == job.Checks })
	second := u.start(page("second"))
	other := s.user()
	elsewhere := other.start(page("another user's"))
	s.asleep(elsewhere)
	s.await(second, "put off", func(j job.Job) bool { return j.Turn > 0 })
	if j := s.row(second); j.Status != job.Queued || j.SandboxID != "" {
		t.Errorf("over the limit the job is %s", j.Status)
	}
	u.post(first, "cancel").want(http.StatusOK)
	s.passTime(2 * time.Minute)
	s.asleep(second)
	checkPromises(t, s)
}

// TestSilentAppsDelayNobody: as many apps as there are turns at a time take their
// visitors and leave them waiting. Others' builds go on beside them.
func TestSilentAppsDelayNobody(t *testing.T) {
	s := newStack(t, nil)
	hostile, other := s.user(), s.user()
	var silent []string
	for range 4 {
		silent = append(silent, hostile.start(commands("", "", app("-silent"))))
	}
	for _, id := range silent {
		s.await(id, "waiting for its app", func(j job.Job) bool { return j.Status == job.Checks })
	}
	for range 3 {
		begun := time.Now()
		s.asleep(other.start(page("hello")))
		if took := time.Since(begun); took > 30*time.Second { // two, on an idle machine
			t.Errorf("a build beside them took %v", took)
		}
	}
	s.until("they are given up", func() bool {
		s.passTime(time.Minute)
		for _, id := range silent {
			if s.row(id).Status != job.Failed {
				return false
			}
		}
		return true
	})
	for _, id := range silent {
		if j := s.failed(id); !strings.HasPrefix(j.ErrorMessage, "The app gave no answer on port 3000 within 3m0s of its start.") || j.Crashes > 0 {
			t.Errorf("it failed with %q, after %d crashes", j.ErrorMessage, j.Crashes)
		}
	}
	checkPromises(t, s)
}

// TestOverTheDailyLimit a job runs the next day.
func TestOverTheDailyLimit(t *testing.T) {
	s := newStack(t, func(c *stack.Config) { c.Env["LIMITS"] = `{"bootstrapper":{"per_day":1}}` })
	u := s.user()
	today := u.start(page("today"))
	s.asleep(today)
	tomorrow := u.start(page("tomorrow"))
	if s.row(tomorrow).CreatedAt.UTC().Day() != s.row(today).CreatedAt.UTC().Day() {
		return // it is tomorrow already
	}
	if r := u.ask(tomorrow); r.answer().Status != job.Scheduled || r.RetryAfter == 0 {
		t.Errorf("over the daily limit the status says %s", r.body)
	}
	s.reconcile()
	if j := s.row(tomorrow); j.Status != job.Scheduled && j.ReadAt.Before(j.ScheduleFor) {
		t.Errorf("before its day the job is %s", j.Status)
	}
	s.passTime(24 * time.Hour)
	s.reconcile()
	s.asleep(tomorrow)
	checkPromises(t, s)
}

// TestOneKeyOneJob: a call that is repeated with its key has the first one's
// answer.
func TestOneKeyOneJob(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	body := u.body(page("hello"))
	start := func(body string) reply {
		return u.sendStart(body, "once")
	}
	var all sync.WaitGroup
	ids := make([]string, 6)
	for i := range ids {
		all.Go(func() { ids[i] = start(body).want(http.StatusCreated).answer().JobID })
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("one key made the jobs %v", ids)
		}
	}
	start(u.body(page("something else"))).wantError(http.StatusUnprocessableEntity)
	other := s.user()
	if id := other.sendStart(other.body(page("hello")), "once").
		want(http.StatusCreated).answer().JobID; id == ids[0] {
		t.Error("another user's key answered with this user's job")
	}
	s.asleep(ids[0])
	s.passTime(2 * time.Minute) // each call has sent a message; they wait for the end of the first one's lease
	checkPromises(t, s)
}
