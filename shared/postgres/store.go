// Package postgres owns the jobs table: every SQL statement and the
// translation of the driver's errors into the domain's. Each transition is one
// function and one UPDATE with its guard in the WHERE; the rows affected
// decide. Each raises the revision and returns the row; reconcile's own notes,
// RecordAsked and SaveProgress, do neither. The clock is the database's. It knows
// nothing of E2B, queues or the cache.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/shared/env"
	"siesta/shared/job"
)

// callTimeout bounds every statement, connecting included.
const callTimeout = 8 * time.Second

// Store is the jobs table. Its methods may be called from many goroutines.
// Beside what each names, every method fails with job.ErrUnavailable when the
// database does not answer.
type Store struct {
	pool  *pgxpool.Pool
	stack string
}

// Config says where the database is and how to log in.
type Config struct {
	URL string // postgres://...
	// Password returns a fresh password for each new connection; nil uses the
	// URL's. With IAM authentication it is a token of 15 minutes.
	Password func(ctx context.Context, host string, port uint16, user string) (string, error)
	MaxConns int    // 0: 2, enough for a process that handles one event at a time
	Stack    string // whose sandboxes the caller may touch: a copy of a database names another stack's
}

// ReadConfig reads the settings of the database; login makes the passwords if
// they say so. The Stack and the MaxConns are the function's own.
func ReadConfig(r *env.Reader, login func(ctx context.Context, host string, port uint16, user string) (string, error)) Config {
	c := Config{URL: r.RequiredURL("DATABASE_URL", "postgres", "postgresql")}
	if r.Bool("DATABASE_IAM", false) {
		c.Password = login
	}
	return c
}

// Open prepares a Store. It does not connect; the first statement does.
func Open(ctx context.Context, c Config) (*Store, error) {
	config, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, errors.New("parse DATABASE_URL: it must be postgres://user@host:port/database") // the cause may quote the password
	}
	config.MaxConns = 2
	if c.MaxConns > 0 {
		config.MaxConns = int32(c.MaxConns)
	}
	config.MinConns = 0
	config.MaxConnLifetime = 10 * time.Minute
	config.MaxConnIdleTime = 2 * time.Minute
	config.PingTimeout = 2 * time.Second
	config.ConnConfig.ConnectTimeout = 3 * time.Second
	// Named prepared statements pin a connection of RDS Proxy and break when a
	// migration changes a table under them.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	// The server behind a connection that became read-only was demoted: a new
	// connection finds the one that took over.
	keep := config.ConnConfig.OnPgError
	config.ConnConfig.OnPgError = func(conn *pgconn.PgConn, e *pgconn.PgError) bool {
		return e.Code != readOnly && keep(conn, e)
	}
	if c.Password != nil {
		config.BeforeConnect = func(ctx context.Context, cc *pgx.ConnConfig) error {
			password, err := c.Password(ctx, cc.Host, cc.Port, cc.User)
			cc.Password = password
			return err
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database pool: %w", err)
	}
	return &Store{pool: pool, stack: c.Stack}, nil
}

// Ours reports whether a job's sandbox is one that the caller may touch. For any
// other, every Take and every claim is job.ErrConflict.
func (s *Store) Ours(j job.Job) bool { return j.SandboxStack == "" || j.SandboxStack == s.stack }

// Close ends all connections.
func (s *Store) Close() { s.pool.Close() }

// one runs a statement that returns at most one job.
func (s *Store) one(ctx context.Context, none error, sql string, args ...any) (job.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	j, err := scanJob(s.pool.QueryRow(ctx, sql, args...))
	return j, translate(whenNone(err, none))
}

// move runs an UPDATE that returns its row: no row means that somebody was
// faster.
func (s *Store) move(ctx context.Context, sql string, args ...any) (job.Job, error) {
	return s.one(ctx, job.ErrConflict, sql, args...)
}

// Get returns a job, or job.ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (job.Job, error) {
	const sql = `SELECT ` + columns + ` FROM jobs WHERE id = $1::uuid`
	j, err := s.one(ctx, job.ErrNotFound, sql, id)
	if errors.Is(err, job.ErrUnavailable) && ctx.Err() == nil {
		// The connection may have died with an earlier server: a read may be
		// made again.
		j, err = s.one(ctx, job.ErrNotFound, sql, id)
	}
	return j, err
}

// GetOwned returns a job of that user, or job.ErrNotFound, or job.ErrForeign.
func (s *Store) GetOwned(ctx context.Context, id, user string) (job.Job, error) {
	j, err := s.Get(ctx, id)
	if err == nil {
		err = j.CheckOwner(user)
	}
	if err != nil {
		return job.Job{}, err
	}
	return j, nil
}

// seconds is how durations are passed to make_interval(secs => ...).
func seconds(d time.Duration) float64 { return d.Seconds() }
