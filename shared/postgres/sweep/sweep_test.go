package sweep_test

import (
	"errors"
	"testing"
	"time"

	"siesta/proof/postgrestest"
	"siesta/shared/postgres"
	"siesta/shared/postgres/sweep"
)

func TestATaskGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	url, pool := postgrestest.New(t)
	db, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s, ctx := sweep.NewStore(db), t.Context()
	if got, err := s.Position(ctx, "walk"); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, want := range []string{"a", "b", ""} {
		if err := errors.Join(s.SavePosition(ctx, "walk", want), s.SavePosition(ctx, "another", "x")); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Position(ctx, "walk"); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	var theirs time.Time
	if err := pool.QueryRow(ctx, `SELECT now()`).Scan(&theirs); err != nil {
		t.Fatal(err)
	}
	if ours, err := s.Now(ctx); err != nil || ours.Before(theirs) || ours.Sub(theirs) > time.Minute {
		t.Errorf("got %v, %v; the database says %v", ours, err, theirs)
	}
}
