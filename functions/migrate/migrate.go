package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/golang-migrate/migrate/v4/database"
)

// migrator brings one database to the newest version of its files.
type migrator struct {
	database address  // of the database itself: a session lock does not survive a proxy
	password password // nil: the URL's
	files    fs.FS    // NNNNNN_name.up.sql and NNNNNN_name.down.sql
	log      *slog.Logger
}

// password returns what to log in with, if the URL does not hold it.
type password func(ctx context.Context, host string, port uint16, user string) (string, error)

// report says where the database is.
type report struct {
	Version int   `json:"version"` // 0: no migration was ever applied
	Newest  int   `json:"newest"`  // that this binary has
	Dirty   bool  `json:"dirty"`   // a migration was cut off half way
	Applied []int `json:"applied,omitempty"`
}

// dirtyError is a database in which a migration was cut off.
type dirtyError struct{ version, before int }

func (e *dirtyError) Error() string {
	return fmt.Sprintf("the database is marked dirty at version %[1]d: its migration was cut off, and either all of it is there or nothing. "+
		`Look which. Then invoke this function with {"action":"force","version":%[1]d} if it is there, or with `+
		`{"action":"force","version":%[2]d} if it is not, and after that with {"action":"up"}.`, e.version, e.before)
}

// up applies what is missing, file by file. A database that is newer than the
// files is left as it is and no error: after a rollback it has to be.
func (m migrator) up(ctx context.Context) (report, error) {
	var applied []int
	for {
		r, err := m.step(ctx)
		if r.Applied != nil {
			applied = append(applied, r.Applied...)
			m.log.InfoContext(ctx, "migration applied", "version", r.Version)
		}
		r.Applied = applied
		if err != nil || r.Version >= r.Newest {
			return r, err
		}
	}
}

// step applies the next file, if there is one.
func (m migrator) step(ctx context.Context) (report, error) {
	s, err := m.open(ctx)
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	r, err := s.report()
	if err != nil || r.Version > r.Newest || r.Version == r.Newest && !r.Dirty {
		return r, err
	}
	before, failure := r.Version, s.Steps(1)
	r = s.last()
	switch {
	case failure == nil:
		r.Applied = []int{r.Version}
		return r, nil
	case !r.Dirty && (r.Version > before || r.Version == r.Newest): // another migrator was faster
		return r, nil
	default:
		return r, s.explain(failure)
	}
}

// down takes one migration back, from the version that the caller names.
func (m migrator) down(ctx context.Context, from int) (report, error) {
	s, err := m.open(ctx)
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	r, err := s.report()
	if err != nil {
		return r, err
	}
	if r.Version != from {
		return r, fmt.Errorf("the database is at version %d, not at %d: nothing was done", r.Version, from)
	}
	if err := s.Steps(-1); err != nil {
		return s.last(), s.explain(err)
	}
	return s.last(), nil
}

// force declares a dirty database to be at a version. It runs no migration.
func (m migrator) force(ctx context.Context, version int) (report, error) {
	s, err := m.open(ctx)
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	r, err := s.report()
	switch {
	case err != nil:
		return r, err
	case !r.Dirty:
		return r, fmt.Errorf("the database is not dirty, it is at version %d: nothing was done", r.Version)
	case version != r.Version && version != s.before(r.Version):
		return r, fmt.Errorf("the database is dirty at version %d, so it is at that or at %d: nothing was done", r.Version, s.before(r.Version))
	}
	target := version
	if target == 0 {
		target = database.NilVersion
	}
	if err := s.Force(target); err != nil {
		return r, s.explain(err)
	}
	return s.last(), nil
}

// where reads the version.
func (m migrator) where(ctx context.Context) (report, error) {
	s, err := m.open(ctx)
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	return s.report()
}
