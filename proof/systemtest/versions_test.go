package systemtest

import (
	"encoding/json"
	"net/http"
	"testing"

	"siesta/shared/job"
)

// call makes a call of any route.
func (u user) call(method, path string) reply {
	u.t.Helper()
	return u.replied(u.api().Call(u.t.Context(), method, path, nil, nil))
}

// TestAVersionIsBuiltAgainAndDeleted: a user's way back. The first version is
// built again from its kept code, counts, and can be deleted, and then the one
// before counts.
func TestAVersionIsBuiltAgainAndDeleted(t *testing.T) {
	t.Parallel()
	s := newStack(t, nil) // a deleted version's pause message stays until it is due
	u := s.user()
	first := u.start(page("hello"))
	u.asleep(first)

	r := u.call(http.MethodPost, "/api/generation/"+first+"/rebuild").want(http.StatusCreated)
	second := r.answer().JobID
	u.asleep(second)
	if code, body := s.visit(*u.resumed(second).PreviewURL); code != http.StatusOK || body != "hello" {
		t.Errorf("the version that was built again shows %d %q", code, body)
	}
	current := "/api/generation/current?project_id=" + u.project
	if got := u.call(http.MethodGet, current).want(http.StatusOK).answer().JobID; got != second {
		t.Errorf("%s counts, want the rebuild %s", got, second)
	}

	var source struct{ URL string }
	if err := json.Unmarshal([]byte(u.call(http.MethodGet, "/api/generation/"+second+"/source").want(http.StatusOK).body), &source); err != nil {
		t.Fatal(err)
	}
	resp, err := browser.Get(source.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength == 0 {
		t.Errorf("its code answers %s", resp.Status)
	}

	u.until("version "+second+" is gone", func() bool {
		return u.call(http.MethodDelete, "/api/generation/"+second).code == http.StatusNoContent
	})
	u.ask(second).wantError(http.StatusNotFound)
	u.post(second, "resume").wantError(http.StatusNotFound)
	if got := u.call(http.MethodGet, current).want(http.StatusOK).answer(); got.JobID != first || got.Status != job.Ready {
		t.Errorf("%s counts, want the first %s", got.JobID, first)
	}
}
