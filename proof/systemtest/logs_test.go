package systemtest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"siesta/shared/job"
)

// log is an answer of the logs route.
type log struct {
	Lines          []job.LogLine `json:"lines"`
	HasMore        bool          `json:"has_more"`
	Next, Previous *string
}

func (u user) logs(id, query string) (l log) {
	u.t.Helper()
	r := u.call(http.MethodGet, "/api/generation/"+id+"/logs"+query).want(http.StatusOK)
	if err := json.Unmarshal([]byte(r.body), &l); err != nil {
		u.t.Fatal(err)
	}
	return l
}

// read is a whole log, in pages of three.
func (u user) read(id string) (all []job.LogLine) {
	u.t.Helper()
	for query, more := "?limit=3", true; more; {
		l := u.logs(id, query)
		if all, more = append(all, l.Lines...), l.HasMore; l.Next != nil {
			query = "?limit=3&after=" + *l.Next
		}
	}
	return all
}

// TestALogOutlivesTheCache: a user reads what a build prints while it goes on, and the
// same lines when the cache has them no longer, until the version is deleted.
func TestALogOutlivesTheCache(t *testing.T) {
	t.Parallel()
	s := newStack(t, nil)
	u := s.user()
	r := commands("echo installing for $MINE; echo installed", "until test -e go; do sleep 0.1; done; echo checked", app(), "index.html", "hello")
	r.Env = map[string]string{"MINE": "correct-horse"}
	id := u.start(r)
	var early []job.LogLine
	u.until("the log tells of the check", func() bool {
		early = u.read(id)
		return len(early) > 0 && strings.HasPrefix(early[len(early)-1].Text, "Running checks: ")
	})
	s.openGate(s.row(id))
	u.asleep(id)
	live := u.read(id)
	if len(live) <= len(early) || live[len(early)-1] != early[len(early)-1] {
		t.Fatalf("the log was %+v, and is %+v", early, live)
	}
	if err := s.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if kept := u.read(id); len(kept) != len(live) || kept[0] != live[0] || kept[len(kept)-1] != live[len(live)-1] {
		t.Errorf("the archive has %+v, and the cache had %+v", kept, live)
	}
	newest := u.logs(id, "?before=end&limit=2")
	if len(newest.Lines) != 2 || !newest.HasMore || newest.Lines[1] != live[len(live)-1] {
		t.Errorf("the newest are %+v", newest)
	}
	said := ""
	for _, line := range live {
		said += line.Phase + " " + line.Text + "\n"
	}
	if strings.Contains(said, "correct-horse") || !strings.Contains(said, "install installing for ***\ninstall installed\n") || !strings.Contains(said, "checks checked\n") {
		t.Errorf("it says %s", said)
	}
	u.call(http.MethodGet, "/api/generation/"+id+"/logs?after=nonsense").wantError(http.StatusUnprocessableEntity)
	s.user().call(http.MethodGet, "/api/generation/"+id+"/logs").wantError(http.StatusNotFound)

	u.until("version "+id+" is gone", func() bool {
		return u.call(http.MethodDelete, "/api/generation/"+id).code == http.StatusNoContent
	})
	u.call(http.MethodGet, "/api/generation/"+id+"/logs").wantError(http.StatusNotFound)
	if j := s.row(id); s.S3.Has("logs/" + job.LogKey(j.UserID, j.ID)) {
		t.Error("the log of a deleted version is there")
	}
}
