package main

import (
	"testing"

	"siesta/proof/functiontest"
	"siesta/shared/job"
)

// A preview that an iteration has is not woken: the answer says where it is, and that it
// may come back while that is not finished.
func TestAMovedPreviewSaysWhereItIs(t *testing.T) {
	b := setup(t)
	from := b.Pause(b.Ready(0))
	j := b.Iterating(from)
	moved := func(retry string) {
		t.Helper()
		got := b.call(functiontest.Alice, from.ID)
		detail, _ := got.body["detail"].(map[string]any)
		if got.status != 409 || got.errorType() != "moved" || detail["moved_to"] != j.ID || got.retryAfter != retry {
			t.Errorf("%d %v, Retry-After %q", got.status, got.body, got.retryAfter)
		}
	}
	moved("5")
	b.Set(j.ID, "status = 'ready', completed_at = now(), lease_until = NULL, pause_due_at = now(), preview_url = 'https://x'")
	moved("")
	if row := b.Row(from.ID); row.SandboxState != job.SandboxMoved {
		t.Errorf("the version is %s", row.SandboxState)
	}
}
