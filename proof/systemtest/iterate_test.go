package systemtest

import (
	"net/http"
	"strings"
	"testing"

	"siesta/local/client"
	"siesta/shared/job"
)

// TestAnAppIsChangedAtItsAddress: what a user of an app builder does all day. The change
// is at the same address, and sleeps; one that fails leaves what was there.
func TestAnAppIsChangedAtItsAddress(t *testing.T) {
	t.Parallel()
	s := newStack(t, nil)
	u := s.user()
	first := u.start(page("one"))
	u.asleep(first)
	address := client.Text(u.status(first).PreviewURL)

	second := u.start(job.Request{PreviousJobID: first, Source: page("two").Source})
	u.asleep(second)
	if got := u.status(second); client.Text(got.PreviewURL) != address || client.Text(got.BaseJobID) != first {
		t.Errorf("the iteration is at %s, and starts from %s", client.Text(got.PreviewURL), client.Text(got.BaseJobID))
	}
	if got := u.status(first); got.SandboxState != job.SandboxMoved || client.Text(got.MovedTo) != second || got.SandboxPaused {
		t.Errorf("the version before is %s, moved to %s", got.SandboxState, client.Text(got.MovedTo))
	}
	r := u.post(first, "resume")
	r.wantError(http.StatusConflict)
	if !strings.Contains(r.body, second) {
		t.Errorf("a resume of the version before says %s", r.body)
	}
	shows := func(want string) {
		t.Helper()
		if code, body := s.visit(*u.resumed(second).PreviewURL); code != http.StatusOK || body != want {
			t.Errorf("it shows %d %q, want %q", code, body, want)
		}
		u.post(second, "snapshot")
		u.asleep(second)
	}
	shows("two")

	fails := "exit 1"
	third := u.start(job.Request{PreviousJobID: second, Source: page("three").Source, Commands: job.Commands{Check: &fails}})
	u.until("the iteration has failed", func() bool { return u.status(third).Status == job.Failed })
	u.asleep(second)
	shows("two")
	if got := u.call(http.MethodGet, "/api/generation/current?project_id="+u.project).want(http.StatusOK).answer().JobID; got != second {
		t.Errorf("%s counts, want the last that is READY, %s", got, second)
	}
}
