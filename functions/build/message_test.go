package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/sqs"
)

// requestMessage is a build message that carries its own request.
func requestMessage(version int, id, user string, r job.Request) string {
	request, _ := json.Marshal(r)
	return fmt.Sprintf(`{"version":%d,"job_id":%q,"turn":0,"user_id":%q,"request":%s}`, version, id, user, request)
}

// A message that cannot be used says nothing about its job, which has others.
func TestABadMessageLeavesItsJobAlone(t *testing.T) {
	for name, c := range map[string]struct {
		body func(id string) string
		word string
	}{
		"of a later version":     {func(id string) string { return fmt.Sprintf(`{"version":2,"job_id":%q,"turn":1}`, id) }, "version"},
		"its template was taken": {func(id string) string { r := page(); r.Template = "taken"; return requestMessage(1, id, alice, r) }, "template"},
		"without a user":         {func(id string) string { return requestMessage(1, id, "", page()) }, "user_id"},
		"of another user":        {func(id string) string { return requestMessage(1, id, "mallory", page()) }, "another owner"},
		"of a turn to come":      {func(id string) string { return fmt.Sprintf(`{"version":1,"job_id":%q,"turn":7}`, id) }, "turn"},
		"of no turn at all":      {func(id string) string { return fmt.Sprintf(`{"version":1,"job_id":%q,"turn":2147483648}`, id) }, "turn"},
		"of a turn past numbers": {func(id string) string { return fmt.Sprintf(`{"version":1,"job_id":%q,"turn":1e30}`, id) }, "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.at(b.slow().ID, job.Deps)
			b.SQS.Remove("build", b.SQS.Messages("build")[0].ID)
			b.send(c.body(j.ID))
			if again := b.deliver(); again != 0 {
				t.Errorf("the message comes again in %v", again)
			}
			b.wantDead(c.word)
			if after := b.Row(j.ID); after.Revision != j.Revision {
				t.Errorf("the job became %s: %s", after.Status, after.ErrorMessage)
			}
		})
	}
}

// A message is either accepted, and its job built, or it is a dead letter and
// has made no job.
func TestARequestWithATurnOfItsOwnMakesNoJob(t *testing.T) {
	b := setup(t)
	id := job.NewID()
	b.send(strings.Replace(requestMessage(1, id, alice, page()), `"turn":0`, `"turn":7`, 1))
	if again := b.deliver(); again != 0 {
		t.Errorf("the message comes again in %v", again)
	}
	b.wantDead("turn")
	if _, err := b.Rows.Get(t.Context(), id); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("there is a job: %v", err)
	}
}

// Near the bound of SQS there is no room for all that a dead letter tells.
func TestTheLargestBadMessageIsADeadLetterToo(t *testing.T) {
	for _, room := range []int{0, 12, 13, 100} {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			b := setup(t)
			body := requestMessage(1, job.NewID(), alice, job.Request{ProjectID: "none", Goal: "x"})
			b.send(body + strings.Repeat(" ", sqs.MaxBody-room-len(body)))
			if again := b.deliver(); again != 0 {
				t.Errorf("the message comes again in %v", again)
			}
			dead := b.SQS.Messages("dead")
			if len(dead) != 1 || len(dead[0].Body) != sqs.MaxBody-room {
				t.Fatalf("%d dead letters", len(dead))
			}
			reason := dead[0].Attributes["reason"]
			if want := "project_id must be a UUID"; !strings.HasPrefix(want, reason) || room > 12 && reason == "" || room == 100 && reason != want {
				t.Errorf("the reason is %q", reason)
			}
		})
	}
}

// Over the bound on waiting jobs a request waits in its message.
func TestARequestWaitsForRoom(t *testing.T) {
	b := setup(t)
	b.Limits = job.TierLimits{job.Bootstrapper: {Waiting: 1}}
	first := b.accept(page())
	b.SQS.Remove("build", b.SQS.Messages("build")[0].ID)
	id := job.NewID()
	b.send(requestMessage(1, id, alice, page()))
	if again := b.deliver(); again < 9*time.Minute || again > 10*time.Minute {
		t.Errorf("the message comes again in %v, want 10 minutes", again)
	}
	if _, err := b.Rows.Get(t.Context(), id); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("there is a job: %v", err)
	}
	b.cancelled(first.ID)
	b.deliver()
	b.ready(id)
}

func TestTheLargestRequestThatAMessageHoldsIsAccepted(t *testing.T) {
	b := setup(t)
	id, r := job.NewID(), page()
	r.Source.Files = map[string]job.File{"a": {}}
	r.Source.Files["a"] = job.File{Content: bytes.Repeat([]byte("x"), sqs.MaxBody-len(requestMessage(1, id, alice, r)))}
	b.send(requestMessage(1, id, alice, r))
	b.deliver()
	b.ready(id)
}
