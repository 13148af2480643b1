package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	_ "github.com/golang-migrate/migrate/v4/database/pgx/v5" // the scheme pgx5
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
)

// session is one connection for one step, so that each has a fresh token and
// the time that is left.
type session struct {
	*migrate.Migrate
	files  source.Driver
	driver *driver
}

func (m migrator) open(ctx context.Context) (*session, error) {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(time.Minute)
	}
	left := time.Until(end)
	if left <= 0 {
		return nil, errOutOfTime
	}
	address, err := m.address(ctx, left)
	if err != nil {
		return nil, err
	}
	files, err := iofs.New(m.files, ".")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	db, err := database.Open(address)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", cause(err))
	}
	d := &driver{Driver: db}
	inst, err := migrate.NewWithInstance("iofs", files, "pgx5", d)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up migrations: %w", err), db.Close())
	}
	inst.LockTimeout = left
	return &session{Migrate: inst, files: files, driver: d}, nil
}

// wakeTime is how long the database may take to answer: an Aurora that sleeps
// wakes for a connection in about 15 s, or 30 s and more after a day's sleep.
// https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-auto-pause.html
const wakeTime = time.Minute

// address is the URL for golang-migrate. Waiting for another migrator is a
// statement, too: the database ends it when the time is up.
func (m migrator) address(ctx context.Context, left time.Duration) (string, error) {
	where, err := m.database(ctx)
	if err != nil {
		return "", err
	}
	u := *where
	u.Scheme = "pgx5"
	if m.password != nil {
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			port = 5432
		}
		secret, err := m.password(ctx, u.Hostname(), uint16(port), u.User.Username())
		if err != nil {
			return "", fmt.Errorf("get database password: %w", err)
		}
		u.User = url.UserPassword(u.User.Username(), secret)
	}
	q := u.Query()
	q.Set("connect_timeout", strconv.Itoa(max(1, int(min(wakeTime, left).Seconds())))) // 0 would be no limit
	q.Set("application_name", "siesta-migrate")
	q.Set("statement_timeout", strconv.FormatInt(left.Milliseconds(), 10))
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// report reads the version. It is outside of the lock, so another migrator may
// be half way through one: only last knows that a migration was cut off.
func (s *session) report() (report, error) {
	if _, _, err := s.Version(); err != nil && !errors.Is(err, migrate.ErrNilVersion) {
		return report{Newest: s.newest()}, fmt.Errorf("read version: %w", cause(err))
	}
	return s.last(), nil
}

// last is what was read or written last.
func (s *session) last() report {
	return report{Version: max(s.driver.version, 0), Newest: s.newest(), Dirty: s.driver.dirty}
}

func (s *session) newest() int {
	newest := uint(0)
	for v, err := s.files.First(); err == nil; v, err = s.files.Next(v) {
		newest = v
	}
	return int(newest)
}

// before is the version before v, 0 if there is none.
func (s *session) before(v int) int {
	before, err := s.files.Prev(uint(v))
	if err != nil {
		return 0
	}
	return int(before)
}

// explain puts golang-migrate's errors into words.
func (s *session) explain(err error) error {
	var dirty migrate.ErrDirty
	switch {
	case err == nil:
		return nil
	case errors.As(err, &dirty):
		return &dirtyError{version: dirty.Version, before: s.before(dirty.Version)}
	default:
		return fmt.Errorf("migrate database: %w", cause(err))
	}
}

// driver remembers the version, and makes a refused migration one that never
// was. The server has rolled it back as a whole, since a file is one implicit
// transaction; a mark "dirty" would only keep the next try from starting.
type driver struct {
	database.Driver
	version int // last read or written; database.NilVersion for none
	dirty   bool
	before  int // the version before the migration that runs
}

// Version is called under the lock before a migration.
func (d *driver) Version() (version int, dirty bool, err error) {
	version, dirty, err = d.Driver.Version()
	if err == nil {
		d.version, d.dirty, d.before = version, dirty, version
	}
	return version, dirty, err
}

func (d *driver) SetVersion(version int, dirty bool) error {
	err := d.Driver.SetVersion(version, dirty)
	if err == nil {
		d.version, d.dirty = version, dirty
	}
	return err
}

// lockTimeout is how long a migration may wait for a table. All who want to use
// the table wait behind it.
const lockTimeout = "SET lock_timeout = '10s'; "

func (d *driver) Run(file io.Reader) error {
	err := d.Driver.Run(io.MultiReader(strings.NewReader(lockTimeout), file))
	var answer interface{ SQLState() string }
	if err == nil || !errors.As(cause(err), &answer) {
		return err
	}
	return errors.Join(err, d.SetVersion(d.before, false))
}

// cause is the driver's error below golang-migrate's, which does not unwrap and
// quotes the whole file.
func cause(err error) error {
	var value database.Error
	var pointer *database.Error
	switch {
	case errors.As(err, &value) && value.OrigErr != nil:
		return value.OrigErr
	case errors.As(err, &pointer) && pointer.OrigErr != nil:
		return pointer.OrigErr
	default:
		return err
	}
}
