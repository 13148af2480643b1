package redis

import (
	"testing"

	"siesta/local/redisserver"
	"siesta/proof/redistest"
	"siesta/shared/job"
)

func share(t *testing.T, c *Cache, id string) (job.Share, bool) {
	t.Helper()
	s, ok, err := c.Share(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s, ok
}

// TestAnEndedShareStaysEnded: a reader that was overtaken does not bring back the
// number from before.
func TestAnEndedShareStaysEnded(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	s := job.Share{ID: job.NewID(), UserID: `user "1"`, ProjectID: job.NewID(), Number: 1}
	if got, ok := share(t, c, s.ID); ok {
		t.Errorf("knows %+v", got)
	}
	ended := s
	ended.Number++
	for _, put := range []job.Share{s, ended, s} {
		if err := c.PutShare(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := share(t, c, s.ID); !ok || got != ended {
		t.Errorf("got %+v, %v; want %+v", got, ok, ended)
	}
	if life := c.client().TTL(t.Context(), shareKey(s.ID)).Val(); life <= 0 || life > job.ShareBelieved {
		t.Errorf("is believed for %v", life)
	}
}

func TestADamagedShareIsNotKnown(t *testing.T) {
	c := open(t, Config{URL: redistest.New(t)})
	s := job.Share{ID: job.NewID(), UserID: "user-1", ProjectID: job.NewID(), Number: 1}
	for name, damage := range map[string]func(){
		"no hash":    func() { c.client().Set(t.Context(), shareKey(s.ID), "x", 0) },
		"no number":  func() { c.client().HSet(t.Context(), shareKey(s.ID), "number", "x") },
		"no project": func() { c.client().HSet(t.Context(), shareKey(s.ID), "project_id", "") },
	} {
		damage()
		if got, ok := share(t, c, s.ID); ok {
			t.Errorf("%s: knows %+v", name, got)
		}
		if err := c.PutShare(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got, ok := share(t, c, s.ID); !ok || got != s {
			t.Errorf("%s: got %+v, %v after it was kept anew", name, got, ok)
		}
	}
}

// A cache that takes no write but a removal, as one that is out of memory, forgets.
func TestAnEndThatCannotBeKeptIsForgotten(t *testing.T) {
	server := redistest.NewServer(t, redisserver.Config{TCP: true})
	c := open(t, Config{URL: server.URL()})
	s := job.Share{ID: job.NewID(), UserID: "user-1", ProjectID: job.NewID(), Number: 1}
	if err := c.PutShare(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := c.client().ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	s.Number++
	if err := c.EndShare(t.Context(), s); err != nil {
		t.Error(err)
	}
	if got, ok := share(t, c, s.ID); ok {
		t.Errorf("still knows %+v", got)
	}
}
