package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"siesta/shared/job"
)

func TestAPageIsBuilt(t *testing.T) {
	b := setup(t)
	j := b.ready(b.accept(page()).ID)
	if j.SandboxState != job.SandboxRunning || j.PreviewURL == "" || j.CreateNo != 1 {
		t.Errorf("the row says %+v", j)
	}
}

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
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.at(b.accept(slow()).ID, job.Deps)
			b.queues.Remove("build", b.queues.Messages("build")[0].ID)
			b.send(c.body(j.ID))
			if again := b.deliver(); again != 0 {
				t.Errorf("the message comes again in %v", again)
			}
			b.wantDead(c.word)
			if after := b.row(j.ID); after.Revision != j.Revision {
				t.Errorf("the job became %s: %s", after.Status, after.ErrorMessage)
			}
		})
	}
}
