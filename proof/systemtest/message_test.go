package systemtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"siesta/local/sqssim"
	"siesta/shared/job"
)

// TestAMessageIsEnough: another backend may enqueue a job without a call to
// start, and however often its message comes, there is one build.
func TestAMessageIsEnough(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	id := job.NewID()
	for range 5 {
		u.enqueue(id, page("hello"))
	}
	s.until("accepted", func() bool { return s.exists(id) })
	j := s.asleep(id)
	s.send(s.BuildQueueURL, fmt.Sprintf(`{"version":1,"job_id":%q,"turn":0}`, id))
	s.passTime(2 * time.Minute) // duplicates wait for the end of the first one's lease
	checkPromises(t, s)
	if boxes := s.E2B.Sandboxes(); len(boxes) != 1 || j.CreateNo != 1 {
		t.Errorf("there were the sandboxes %v in %d creates, want one", boxes, j.CreateNo)
	}
	if got := u.status(id); got.Status != job.Ready || got.JobID != id {
		t.Errorf("the status says %+v", got)
	}
}

// TestBadMessagesAreSetAside: a message that can never succeed is found in the
// dead-letter queue with the reason beside it, and has changed nothing.
func TestBadMessagesAreSetAside(t *testing.T) {
	s := sharedStack(t)
	owner, thief := s.user(), s.user()
	id := owner.start(page("hello"))
	before := s.asleep(id)
	message := func(id, user, request string) string {
		return fmt.Sprintf(`{"version":1,"job_id":%q,"turn":0,"user_id":%q,"request":%s}`, id, user, request)
	}
	for name, c := range map[string]struct{ queue, body, word string }{
		"foreign id":         {"Build", message(id, thief.name, thief.body(page("stolen"))), "another owner"},
		"poison":             {"Build", `{"job_id":` + job.NewID(), "JSON"},
		"version":            {"Build", strings.Replace(message(job.NewID(), owner.name, owner.body(page("x"))), `"version":1`, `"version":7`, 1), "version"},
		"path escape":        {"Build", message(job.NewID(), owner.name, owner.body(commands("", "", "", "../../etc/x", "y"))), "../../etc/x"},
		"no such job":        {"Build", fmt.Sprintf(`{"version":1,"job_id":%q,"turn":0}`, job.NewID()), "no job"},
		"no goal":            {"Build", message(job.NewID(), owner.name, `{"project_id":"`+owner.project+`"}`), "goal"},
		"no user":            {"Build", message(job.NewID(), "", owner.body(page("x"))), "user_id"},
		"pause, poison":      {"Pause", `nonsense ` + job.NewID(), "JSON"},
		"pause, no such job": {"Pause", fmt.Sprintf(`{"version":1,"job_id":%q,"sandbox_id":"ix","epoch":1}`, job.NewID()), "no job"},
	} {
		queue := map[string]string{"Build": s.BuildQueueURL, "Pause": s.PauseQueueURL}[c.queue]
		s.send(queue, c.body)
		var found sqssim.Message
		s.until(name+" is set aside", func() bool {
			for _, m := range s.SQS.Messages(c.queue + "DeadLetters") {
				if m.Body == c.body {
					found = m
				}
			}
			return found.Body != ""
		})
		if !strings.Contains(found.Attributes["reason"], c.word) {
			t.Errorf("%s: the reason is %q, want something about %q", name, found.Attributes["reason"], c.word)
		}
	}
	if after := s.row(id); after.Revision != before.Revision {
		t.Errorf("the job became %+v", after)
	}
	for jobID, j := range s.jobs(t) {
		if j.UserID == thief.name || j.UserID == owner.name && jobID != id {
			t.Errorf("a bad message made job %s", jobID)
		}
	}
	checkPromises(t, s)
}

// TestARedriveWorks: a message that failed too often waits in the dead-letter
// queue, and does its work when somebody sends it back.
func TestARedriveWorks(t *testing.T) {
	s := newStack(t, awake)
	j := s.preview(s.user())
	s.E2B.SetAPIKeys("e2b_another")
	s.until("the pause is given up", func() bool {
		s.passTime(15 * time.Minute)
		return s.SQS.Stats("PauseDeadLetters").Total() == 1
	})
	if j := s.row(j.ID); j.SandboxPaused {
		t.Errorf("without E2B's answer the row says %s", j.SandboxState)
	}
	s.E2B.SetAPIKeys(s.E2BAPIKey)
	s.sqs("StartMessageMoveTask", map[string]string{"SourceArn": s.SQS.ARN("PauseDeadLetters")})
	s.until("it is paused", func() bool { s.passTime(2 * time.Minute); return s.row(j.ID).SandboxPaused })
	checkPromises(t, s)
}

func TestManyJobsAtOnce(t *testing.T) {
	s := newStack(t, nil)
	users := []user{s.user(), s.user()}
	ids := map[string]bool{}
	for i := range 20 {
		ids[users[i%len(users)].start(page(fmt.Sprint("page ", i)))] = true
	}
	for id := range ids {
		s.asleep(id)
	}
	checkPromises(t, s)
	if len(ids) != 20 || len(s.E2B.Sandboxes()) != 20 {
		t.Errorf("%d jobs and %d sandboxes, want 20", len(ids), len(s.E2B.Sandboxes()))
	}
}
