package redis

import (
	"testing"

	"siesta/local/redisserver"
	"siesta/proof/redistest"
	"siesta/shared/job"
)

// A reader counts for the time that he may take to ask again, whatever was there.
func TestAReaderOfALogIsNoted(t *testing.T) {
	t.Parallel()
	c := open(t, Config{URL: redistest.New(t)})
	j, other := aJob(1), aJob(1)
	if c.Watched(t.Context(), j.ID) {
		t.Error("nobody has read it, and it has a reader")
	}
	for range 2 {
		c.Watch(t.Context(), j)
		if !c.Watched(t.Context(), j.ID) || c.Watched(t.Context(), other.ID) {
			t.Error("the reader of one log is not noted, or is another's, too")
		}
		if left := c.client().TTL(t.Context(), watchedKey(j.ID)).Val(); left <= 0 || left > watchTime {
			t.Errorf("a reader counts for %v", left)
		}
	}
}

// Of a job that has finished there is nothing to come.
func TestAFinishedJobHasNoReaders(t *testing.T) {
	t.Parallel()
	c := open(t, Config{URL: redistest.New(t)})
	for _, status := range []job.Status{job.Ready, job.Failed} {
		j := aJob(1)
		j.Status = status
		if c.Watch(t.Context(), j); c.Watched(t.Context(), j.ID) {
			t.Errorf("a job that is %s has a reader", status)
		}
	}
}

// A cache that answers and takes no writes notes nobody, and holds no reader up.
func TestACacheThatTakesNoWritesHasNoReaders(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redisserver.Config{})
	c, j := open(t, Config{URL: s.URL()}), aJob(1)
	if err := s.Do(t.Context(), "CONFIG", "SET", "min-replicas-to-write", "1"); err != nil {
		t.Fatal(err)
	}
	if c.Watch(t.Context(), j); c.Watched(t.Context(), j.ID) {
		t.Error("it has a reader")
	}
}

func TestWithoutACacheThereAreNoReaders(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redisserver.Config{})
	c := openHasty(t, Config{URL: s.URL()})
	j := aJob(1)
	s.Stop()
	if c.Watch(t.Context(), j); c.Watched(t.Context(), j.ID) {
		t.Error("a cache that is down knows of a reader")
	}
}
