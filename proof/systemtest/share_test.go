package systemtest

import (
	"net/http"
	"strings"
	"testing"
)

// shared is the path of a new link to a version's project.
func (u user) shared(id string) (path string) { return u.sharedBy(id, "") }

func (u user) sharedBy(id, wish string) (path string) {
	u.t.Helper()
	made := u.replied(u.api().Call(u.t.Context(), http.MethodPost, "/api/generation/"+id+"/share", []byte(wish), nil))
	address := made.want(http.StatusCreated).answer().ShareURL
	path, ours := strings.CutPrefix(address, u.APIURL)
	if !ours {
		u.t.Fatalf("the link leads to %s", address)
	}
	return path
}

// unshare ends all links of a version's project.
func (u user) unshare(id string) {
	u.t.Helper()
	u.call(http.MethodDelete, "/api/generation/"+id+"/share").want(http.StatusNoContent)
}

// stranger has a link and nothing else; a post of theirs is as one of the page, or of
// any program.
func (u user) stranger(method, path, body string, ofPage bool) reply {
	u.t.Helper()
	header := http.Header{"Authorization": nil}
	if ofPage {
		header.Set("Sec-Fetch-Site", "same-origin")
	}
	return u.replied(u.api().Call(u.t.Context(), method, path, []byte(body), header))
}

// TestAStrangerWithALink: who has no token looks, wakes, and is sent away when the
// owner says so.
func TestAStrangerWithALink(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	id := u.start(page("hello"))
	u.asleep(id)
	link := u.shared(id)
	if r := u.stranger(http.MethodGet, link+"/state", "", false).want(http.StatusOK); !strings.Contains(r.body, `"asleep"`) {
		t.Errorf("the page is told %s", r.body)
	}
	shown := u.stranger(http.MethodGet, u.sharedBy(id, `{"logs": true}`)+"/logs?limit=1", "", false).want(http.StatusOK)
	if !strings.Contains(shown.body, `"source"`) {
		t.Errorf("the log is %s", shown.body)
	}
	u.stranger(http.MethodGet, link+"/logs", "", false).want(http.StatusNotFound)
	u.until("a stranger's click wakes", func() bool {
		return u.stranger(http.MethodPost, link+"/wake", `{"intent": "click"}`, true).code == http.StatusOK
	})
	if code, body := s.visit(*u.status(id).PreviewURL); code != http.StatusOK || body != "hello" {
		t.Errorf("the preview shows %d %q", code, body)
	}
	u.unshare(id)
	u.stranger(http.MethodGet, link+"/state", "", false).want(http.StatusGone)
	u.stranger(http.MethodPost, link+"/wake", `{"intent": "click"}`, true).want(http.StatusGone)
	u.stranger(http.MethodGet, u.shared(id)+"/state", "", false).want(http.StatusOK)
}
