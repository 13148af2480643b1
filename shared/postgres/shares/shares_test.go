package shares_test

import (
	"errors"
	"sync"
	"testing"

	"siesta/proof/postgrestest"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/shares"
)

func TestTheShareOfAProject(t *testing.T) {
	t.Parallel()
	address, _ := postgrestest.New(t)
	db, err := postgres.Open(t.Context(), postgres.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s, ctx, project := shares.NewStore(db), t.Context(), job.NewID()
	if _, err := s.End(ctx, "alice", project); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("ended what was never shared: %v", err)
	}
	made := make([]job.Share, 4)
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			var err error
			if made[i], err = s.Make(ctx, "alice", project); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, m := range made {
		if m != made[0] || m.Number != 1 || m.UserID != "alice" || m.ProjectID != project {
			t.Errorf("made %+v and %+v", m, made[0])
		}
	}
	another, err := s.Make(ctx, "bob", project)
	if err != nil || another.ID == made[0].ID {
		t.Errorf("another user's share of a project with the same id is %+v, %v", another, err)
	}
	ended, err := s.End(ctx, "alice", project)
	if want := made[0].Number + 1; err != nil || ended.Number != want || ended.ID != made[0].ID {
		t.Errorf("ended: %+v, %v", ended, err)
	}
	again, makeErr := s.Make(ctx, "alice", project)
	got, getErr := s.Get(ctx, ended.ID)
	if again != ended || got != ended || makeErr != nil || getErr != nil {
		t.Errorf("got %+v, %+v, %v, %v; want %+v", again, got, makeErr, getErr, ended)
	}
	if got, err := s.Get(ctx, another.ID); got.Number != 1 || err != nil {
		t.Errorf("another user's links were ended: %+v, %v", got, err)
	}
	if _, err := s.Get(ctx, job.NewID()); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
